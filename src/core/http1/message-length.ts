// Message body length (RFC 9112 6): the two framing fields, of which a message may have one, once, in one spelling.
import { contentLengthMax } from '#src/limits.ts';
import { ascii, CR, equalsIgnoreCase, SP } from './characters.ts';

const chunked = ascii('chunked');

/**
 * RFC 9112 7: the only transfer coding that is spoken here, named exactly once, bytes[start..end) being the trimmed
 * value. A tab behind it is refused: nginx and llhttp take it for a part of the name, so readers would disagree.
 */
export function isExactlyChunked(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = end; bytes[i] !== CR; i++) {
    if (bytes[i] !== SP) return false;
  }
  return equalsIgnoreCase(bytes, start, end, chunked);
}

/** Value of a Content-Length (RFC 9110 8.6): digits only, at most contentLengthMax; -1 when it is anything else. */
export function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
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
