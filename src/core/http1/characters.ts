// Tables of the characters that RFC 9110 5.5 and 5.6 and RFC 9112 3 allow. Looking a byte up in a table takes
// one load, where comparisons or a regular expression take many steps, and a table has no Unicode case
// mapping that could confuse it.

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;

const table = (holds: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
const oneOf =
  (characters: string) =>
  (byte: number): boolean =>
    characters.includes(String.fromCharCode(byte));

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const isAlphanumeric = (byte: number): boolean => isDigit(byte) || isUpper(byte) || isLower(byte);

const isTokenMark = oneOf("!#$%&'*+-.^_`|~");
/** tchar (RFC 9110 5.6.2): field names, connection options, chunk extension names. */
export const TOKEN = table((byte) => isAlphanumeric(byte) || isTokenMark(byte));

/**
 * Methods: the characters that nginx, and so Kong, accepts. The RFC allows any token, but Kong would answer
 * `get` and `G!T` with 400 as well.
 */
export const METHOD = table((byte) => isUpper(byte) || byte === 0x2d || byte === 0x5f);

/**
 * Field values and reason phrases (RFC 9110 5.5): HTAB, SP, VCHAR, obs-text. No other control character, no
 * DEL.
 */
export const VALUE = table((byte) => byte === HTAB || (byte >= 0x20 && byte !== 0x7f));

/**
 * Request targets: every visible ASCII character but `#`, which no request target may hold, and every octet
 * from 0x80 on, which is opaque. Looser than RFC 3986 in those and in `"<>\^`{|}`: clients do send them, and
 * Kong does route them, so they go upstream as they came.
 */
export const TARGET = table((byte) => byte > 0x20 && byte !== 0x7f && byte !== 0x23);

const isSubDelimiterOrMark = oneOf("-._~!$&'()*+,;=");
/** reg-name without its percent escapes (RFC 3986 3.2.2). */
export const REG_NAME = table((byte) => isAlphanumeric(byte) || isSubDelimiterOrMark(byte));

const isRequestIdMark = oneOf('._~:+/=-');
/**
 * Request ids that are kept from a trusted proxy: without quotes and spaces, so that they can be logged
 * unchanged.
 */
export const REQUEST_ID = table((byte) => isAlphanumeric(byte) || isRequestIdMark(byte));

/** Characters within a quoted string (RFC 9110 5.6.4), except the quote and the backslash. */
export const QUOTED_TEXT = table(
  (byte) => byte === HTAB || (byte >= 0x20 && byte !== 0x7f && byte !== 0x22 && byte !== 0x5c),
);

/** Lower case of each byte: ASCII letters change, all other bytes stay the same. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (isUpper(byte) ? byte | 0x20 : byte));

/** Value of each hex digit; 255 for every other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (isDigit(byte)) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : 255;
});

/** Bytes of an ASCII text. For constants, since it allocates. */
export const ascii = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Whether bytes[start..end) is `lowerCase`, ignoring ASCII case. */
export function equalsIgnoreCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lowerCase: Uint8Array,
): boolean {
  const length = lowerCase.length;
  if (end - start !== length) return false;
  for (let k = 0; k < length; k++) {
    if (LOWER[bytes[start + k] as number] !== lowerCase[k]) return false;
  }
  return true;
}
