// The length of a message's body (RFC 9112 6), from the two framing fields. A message may have one of them,
// once and in one spelling.
import { contentLengthMax } from '#src/limits.ts';
import { ascii, COMMA, CR, equalsIgnoreCase, HTAB, SP, TOKEN } from './characters.ts';
import { FieldName } from './field-kind.ts';
import { type FieldSection, slotOf } from './field-section.ts';

const chunked = ascii('chunked');

/**
 * Whether the white space around a field's value has a tab in it (RFC 9110 5.6.3 allows it). nginx and llhttp
 * take a tab behind `chunked` for a part of the name, so such a field goes upstream in the one spelling that
 * all readers share.
 */
function isTabbed(bytes: Uint8Array, nameEnd: number, start: number, end: number): boolean {
  for (let i = nameEnd + 1; i < start; i++) if (bytes[i] === HTAB) return true;
  for (let i = end; bytes[i] !== CR; i++) if (bytes[i] === HTAB) return true;
  return false;
}

/**
 * Whether a list of transfer codings (RFC 9112 7) has `chunked` at its end, and before it others, each a
 * plain token. The message is then well-formed, but not in a coding that is spoken here.
 */
function isOtherCodings(bytes: Uint8Array, start: number, end: number): boolean {
  const listEnd = end - chunked.length;
  if (listEnd <= start || !equalsIgnoreCase(bytes, listEnd, end, chunked)) return false;
  let count = 0;
  let i = start;
  while (i < listEnd) {
    const memberStart = i;
    while (i < listEnd && TOKEN[bytes[i] as number] === 1) i++;
    if (i === memberStart || equalsIgnoreCase(bytes, memberStart, i, chunked)) return false;
    while (bytes[i] === SP || bytes[i] === HTAB) i++;
    if (i >= listEnd || bytes[i] !== COMMA) return false;
    i++;
    while (bytes[i] === SP || bytes[i] === HTAB) i++;
    count++;
  }
  return count > 0 && i === listEnd;
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
  /**
   * `gzip, chunked` and the like: the end could be found, the content not be vouched for (RFC 9112 6.1: 501).
   */
  codingUnknown: -6,
} as const;

/**
 * Stricter than RFC 9112 6.3: a message must not have both fields, nor one of them twice, nor chunks in
 * HTTP/1.0. Sets section.hasTabbedFraming.
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
    if ((repeated & codingBit) !== 0 || minorVersion === 0) return MessageLength.codingInvalid;
    const start = fields[slot + 2] as number;
    const end = fields[slot + 3] as number;
    section.hasTabbedFraming = isTabbed(bytes, fields[slot + 1] as number, start, end);
    if (equalsIgnoreCase(bytes, start, end, chunked)) return MessageLength.chunked;
    return isOtherCodings(bytes, start, end) ? MessageLength.codingUnknown : MessageLength.codingInvalid;
  }
  const slot = slotOf(section, FieldName.contentLength);
  const start = fields[slot + 2] as number;
  const end = fields[slot + 3] as number;
  section.hasTabbedFraming = isTabbed(bytes, fields[slot + 1] as number, start, end);
  const length = parseContentLength(bytes, start, end);
  return length < 0 || (repeated & lengthBit) !== 0 ? MessageLength.lengthInvalid : length;
}
