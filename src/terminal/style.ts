// Colour and layout of terminal text. Without colour every function returns its text unchanged.
import { stripVTControlCharacters } from 'node:util';

type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  /** The colours of the two clusters. */
  readonly x: Paint;
  readonly y: Paint;
}

/** A function that puts text between two SGR codes (ECMA-48 8.3.117), which switch something on and off. */
const sgr =
  (on: number, off: number): Paint =>
  (text) =>
    `\u001b[${on}m${text}\u001b[${off}m`;

const plain: Paint = (text) => text;
const plainStyle: Style = {
  bold: plain,
  dim: plain,
  good: plain,
  bad: plain,
  warn: plain,
  x: plain,
  y: plain,
};
const colorStyle: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  good: sgr(32, 39),
  bad: sgr(31, 39),
  warn: sgr(33, 39),
  x: sgr(34, 39),
  y: sgr(36, 39),
};

export const createStyle = (color: boolean): Style => (color ? colorStyle : plainStyle);

/** Columns that a text takes on the screen, without its colour codes. */
export const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** Rows as lines with aligned columns, two spaces apart. Columns in `right` are aligned to the right. */
export function alignRows(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const columnCount = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columnCount }, (_, at) =>
    Math.max(...rows.map((row) => widthOf(row[at] ?? ''))),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const padding = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
        return right.includes(at) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A bar of `width` columns, filled up to a share; shares are limited to 0..1. */
export function bar(share: number, width: number, filled: Paint = plain, empty: Paint = plain): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * width);
  return filled('█'.repeat(cells)) + empty('░'.repeat(width - cells));
}

/** A text without colour, cut to a number of columns with an ellipsis at its end. */
export const fit = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;

/** A text broken at spaces into lines of at most `columns`. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
