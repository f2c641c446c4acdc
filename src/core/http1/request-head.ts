// Request heads (RFC 9112 2, 3, 5, 6): one pass over the bytes, offsets out, nothing allocated.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { Framing, type HeadLimits } from './framing.ts';

/** One parsed head. Reused for every request of a connection; all offsets are into the parsed bytes. */
export class RequestHead {
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minorVersion: 0 | 1 = 1;
  headEnd = 0;
  framing: Framing = Framing.none;
  contentLength = 0;
  keepAlive = false;
  isHead = false;
  isConnect = false;
  isIdempotent = false;
  hasExpectContinue = false;
  isUpgrade = false;
  hostStart = 0;
  hostEnd = 0;
  isAbsoluteForm = false;
  pathStart = 0;
  pathEnd = 0;
  fieldCount = 0;
  fields: Int32Array = new Int32Array(0);
  error: ProxyErrorName | null = null;

  findField(_bytes: Uint8Array, _lowerCaseName: Uint8Array): number {
    return -1;
  }
}

/** > 0: the head is complete, value = headEnd. 0: incomplete so far but valid. -1: invalid, see head.error. */
export function parseRequestHead(
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _head: RequestHead,
  _limits: HeadLimits,
): number {
  return -1;
}
