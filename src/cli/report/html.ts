// Templates for HTML: values that are put in are escaped, unless they are HTML that was made by a template.
import { visibleText } from '#src/base/visible-text.ts';

/** HTML that a template has made. */
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

/** The text escaped for HTML, also for quoted attributes, with every character visible. */
const escapeHtml = (text: string): string =>
  visibleText(text).replaceAll(/[&<>"']/g, (sign) => escapes[sign] ?? sign);

/** A template tag that escapes values. Null becomes nothing, lists are joined. */
export function html(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let out = texts[0] ?? '';
  for (const [index, piece] of pieces.entries()) out += render(piece) + (texts[index + 1] ?? '');
  return { html: out };
}

/** Marks a text as HTML that need not be escaped, such as the style sheet. */
export const trusted = (text: string): Html => ({ html: text });

function render(piece: Piece): string {
  if (piece === null) return '';
  if (typeof piece === 'string') return escapeHtml(piece);
  if (typeof piece === 'number') return String(piece);
  if (isList(piece)) return piece.map(render).join('');
  return piece.html;
}

const isList = (piece: Piece): piece is readonly Piece[] => Array.isArray(piece);
