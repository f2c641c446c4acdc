// Response heads (RFC 9112 4, 5, 6), judged as strictly as requests.
import { Framing, type HeadLimits } from './framing.ts';

export class ResponseHead {
  start = 0;
  statusStart = 0;
  status = 0;
  minorVersion: 0 | 1 = 1;
  headEnd = 0;
  framing: Framing = Framing.none;
  contentLength = 0;
  keepAlive = false;
  isInterim = false;
  fieldCount = 0;
  fields: Int32Array = new Int32Array(0);
  hasKongProxyLatency = false;
  hasKongUpstreamLatency = false;
  hasKongResponseLatency = false;
  error: string | null = null;

  findField(_bytes: Uint8Array, _lowerCaseName: Uint8Array): number {
    return -1;
  }
}

/** As parseRequestHead. requestIsHead: a response to HEAD has no body. isUpgradeRequest: 101 is only valid then. */
export function parseResponseHead(
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _head: ResponseHead,
  _limits: HeadLimits,
  _requestIsHead: boolean,
  _isUpgradeRequest: boolean,
): number {
  return -1;
}
