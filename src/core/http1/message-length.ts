// The length of a message's body (RFC 9112 6), from the two framing fields. A message may have one of them,
// once and in one spelling.
import { contentLengthMax } from '#src/limits.ts';
import { ascii, CR, equalsIgnoreCase, SP } from './characters.ts';
import { FieldName } from './field-kind.ts';
import { type FieldSection, slotOf } from './field-section.ts';

const chunked = ascii('chunked');

/**
 * Whether the trimmed value bytes[start..end) names the one transfer coding that is supported, chunked, and
 * only once (RFC 9112 7). A tab behind it is refused: nginx and llhttp take it for a part of the name, so
 * parsers would disagree.
 */
function isExactlyChunked(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = end; bytes[i] !== CR; i++) {
    if (bytes[i] !== SP) return false;
  }
  return equalsIgnoreCase(bytes, start, end, chunked);
}

/**
 * Value of a Content-Length (RFC 9110 8.6), which has digits only and is at most contentLengthMax; -1 for
 * anything else.
 */
function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > contentLengthMax) return -1;
  }
  return value;
}

/** Results of messageLength that are not a length. */
export const MessageLength = {
  absent: -1,
  chunked: -2,
  /** The message has both fields. Request smuggling uses that parsers disagree about which one counts. */
  ambiguous: -3,
  codingInvalid: -4,
  lengthInvalid: -5,
} as const;

/**
 * Stricter than RFC 9112 6.3: a message must not have both fields, nor one of them twice, nor chunks in
 * HTTP/1.0.
 *
 * @returns the Content-Length, or one of MessageLength.
 */
export function messageLength(bytes: Uint8Array, section: FieldSection, minorVersion: 0 | 1): number {
  const lengthBit = 1 << FieldName.contentLength;
  const codingBit = 1 << FieldName.transferEncoding;
  const { seen, repeated, fields } = section;
  if ((seen & (lengthBit | codingBit)) === 0) return MessageLength.absent;
  if ((seen & codingBit) !== 0) {
    if ((seen & lengthBit) !== 0) return MessageLength.ambiguous;
    const slot = slotOf(section, FieldName.transferEncoding);
    const isOnce = (repeated & codingBit) === 0 && minorVersion === 1;
    const isChunked = isExactlyChunked(bytes, fields[slot + 2] as number, fields[slot + 3] as number);
    return isOnce && isChunked ? MessageLength.chunked : MessageLength.codingInvalid;
  }
  const slot = slotOf(section, FieldName.contentLength);
  const length = parseContentLength(bytes, fields[slot + 2] as number, fields[slot + 3] as number);
  return length < 0 || (repeated & lengthBit) !== 0 ? MessageLength.lengthInvalid : length;
}
