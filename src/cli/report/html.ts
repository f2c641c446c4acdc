// HTML as text that can only be put together safely: what is interpolated is escaped and visible, unless it is HTML already.
import { visibleText } from '#src/base/visible-text.ts';

/** HTML that was put together here. */
export interface Html {
  readonly html: string;
}

export type Piece = Html | string | number | null | readonly Piece[];

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it, also within quoted attributes; with every character visible. */
export const escapeHtml = (text: string): string =>
  visibleText(text).replaceAll(/[&<>"']/g, (sign) => escapes[sign] ?? sign);

/** A template whose values are escaped; null is nothing, lists are joined. */
export function html(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let out = texts[0] ?? '';
  for (const [index, piece] of pieces.entries()) out += render(piece) + (texts[index + 1] ?? '');
  return { html: out };
}

/** Text that is HTML already, such as a style sheet of ours. */
export const trusted = (text: string): Html => ({ html: text });

function render(piece: Piece): string {
  if (piece === null) return '';
  if (typeof piece === 'string') return escapeHtml(piece);
  if (typeof piece === 'number') return String(piece);
  if (isList(piece)) return piece.map(render).join('');
  return piece.html;
}

const isList = (piece: Piece): piece is readonly Piece[] => Array.isArray(piece);
