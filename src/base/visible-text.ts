// Text from outside (operators, clients, nodes, files) as people may be shown it: characters that act on a
// terminal, reorder what is around them, or cannot be seen are written as what they are. Applied where such
// text comes in for the record, and once more where it goes out, because a record may be older than this
// rule.

/**
 * Unicode general categories: control characters with ESC and C1 (Cc), format characters such as
 * bidirectional controls, zero width characters and tags (Cf), line and paragraph separators (Zl, Zp), and
 * halves of surrogate pairs (Cs). https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const hiddenButNewline = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `\u202e`, or `\u{e0041}` beyond the basic plane; white space is a space. */
function escaped(character: string): string {
  if (/[\t\n\r\v\f]/.test(character)) return ' ';
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

/** One line in which every character can be seen. Applied twice it changes nothing more. */
export const visibleText = (text: string): string => text.replace(hidden, escaped);

/** The same, with its line breaks: for stack traces. */
export const visibleLines = (text: string): string => text.replace(hiddenButNewline, escaped);

/**
 * A copy of plain data, as JSON has it, in which every text is made visible by `show`; names of members too.
 */
export function visibleData<T>(value: T, show: (text: string) => string = visibleText): T {
  return visible(value, show) as T;
}

function visible(value: unknown, show: (text: string) => string): unknown {
  if (typeof value === 'string') return show(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => visible(item, show));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [show(key), visible(item, show)]));
}
