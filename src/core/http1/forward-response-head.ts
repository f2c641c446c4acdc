// The response head as it goes to the client (RFC 9110 7.6).
import type { ConnectionHeader } from './framing.ts';
import type { ResponseHead } from './response-head.ts';

export function encodeResponseHead(
  _source: Uint8Array,
  _head: ResponseHead,
  _out: Uint8Array,
  _at: number,
  _clientMinorVersion: 0 | 1,
  _connection: ConnectionHeader,
  _dechunk: boolean,
): number {
  return -1;
}
