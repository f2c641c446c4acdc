// The request head as it goes upstream (RFC 9110 7.6).
import type { RequestHead } from './request-head.ts';

const empty = new Uint8Array(0);

export class RequestAdditions {
  trusted = false;
  forwardedLines: Uint8Array = empty;
  peerAddress: Uint8Array = empty;
  proto: Uint8Array = empty;
  port: Uint8Array = empty;
  requestId: Uint8Array = empty;
  overrideHeader: Uint8Array | null = null;
  keptRequestIdStart = 0;
  keptRequestIdEnd = 0;
}

export function encodeRequestHead(
  _source: Uint8Array,
  _head: RequestHead,
  _out: Uint8Array,
  _at: number,
  _additions: RequestAdditions,
): number {
  return -1;
}
