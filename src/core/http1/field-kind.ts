// Header fields that mean something to a proxy (RFC 9110 7.6, RFC 9112 6). Each field's name is looked up
// once, when it is parsed; forwarding then works with the result instead of the name.
import { ascii } from './characters.ts';

/** The low bits of a field's kind say which field it is; 0 is any other field. */
export const FieldName = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  upgrade: 8,
  expect: 9,
  trailer: 10,
  xForwardedFor: 11,
  xForwardedHost: 12,
  xForwardedProto: 13,
  xForwardedPort: 14,
  xForwardedPrefix: 15,
  xForwardedPath: 16,
  forwarded: 17,
  xRealIp: 18,
  xRequestId: 19,
  kongDebug: 20,
  kongProxyLatency: 21,
  kongUpstreamLatency: 22,
  kongResponseLatency: 23,
  date: 24,
  maxForwards: 25,
} as const;
type FieldName = (typeof FieldName)[keyof typeof FieldName];

/** Mask of the bits that are the name; the flags are above them. */
export const NAME_MASK = 0x1f;
/**
 * The field is about this connection and is never forwarded. Also set for the fields that Connection names.
 */
export const HOP_BY_HOP = 0x20;
/** The field says where a request came from. It is kept from trusted proxies only. */
export const FORWARDING = 0x40;
/**
 * The field is the message's length or address. It stays even if Connection names it: without it the message
 * is another one.
 */
export const PROTECTED = 0x80;

const known: readonly (readonly [string, FieldName, number])[] = [
  ['host', FieldName.host, PROTECTED],
  ['content-length', FieldName.contentLength, PROTECTED],
  ['transfer-encoding', FieldName.transferEncoding, PROTECTED],
  ['connection', FieldName.connection, HOP_BY_HOP],
  ['keep-alive', FieldName.keepAlive, HOP_BY_HOP],
  ['proxy-connection', FieldName.proxyConnection, HOP_BY_HOP],
  ['te', FieldName.te, HOP_BY_HOP],
  ['upgrade', FieldName.upgrade, HOP_BY_HOP],
  ['expect', FieldName.expect, 0],
  ['trailer', FieldName.trailer, 0],
  ['x-forwarded-for', FieldName.xForwardedFor, FORWARDING],
  ['x-forwarded-host', FieldName.xForwardedHost, FORWARDING],
  ['x-forwarded-proto', FieldName.xForwardedProto, FORWARDING],
  ['x-forwarded-port', FieldName.xForwardedPort, FORWARDING],
  ['x-forwarded-prefix', FieldName.xForwardedPrefix, FORWARDING],
  ['x-forwarded-path', FieldName.xForwardedPath, FORWARDING],
  ['forwarded', FieldName.forwarded, FORWARDING],
  ['x-real-ip', FieldName.xRealIp, FORWARDING],
  ['x-request-id', FieldName.xRequestId, FORWARDING],
  ['kong-debug', FieldName.kongDebug, FORWARDING],
  ['x-kong-proxy-latency', FieldName.kongProxyLatency, 0],
  ['x-kong-upstream-latency', FieldName.kongUpstreamLatency, 0],
  ['x-kong-response-latency', FieldName.kongResponseLatency, 0],
  ['date', FieldName.date, 0],
  ['max-forwards', FieldName.maxForwards, 0],
];

/** The longest known name has 23 bytes. */
const nameBytesMax = 24;
const slotCount = (nameBytesMax + 1) * 32;
/**
 * The first known field with a certain length and first letter; nextCandidate has the others, since many
 * begin with `x`.
 */
const candidates = new Uint8Array(slotCount);
const nextCandidate = new Uint8Array(known.length + 1);
const kinds = new Uint8Array(known.length + 1);
const names: Uint8Array[] = [ascii('')];
known.forEach(([text, name, flags], index) => {
  const candidate = index + 1;
  const slot = text.length * 32 + (text.charCodeAt(0) & 31);
  nextCandidate[candidate] = candidates[slot] as number;
  candidates[slot] = candidate;
  kinds[candidate] = name | flags;
  names[candidate] = ascii(text);
});

/** Kind of the field whose name is bytes[start..end): FieldName and flags, or 0 for any other field. */
export function fieldKind(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > nameBytesMax) return 0;
  let candidate = candidates[length * 32 + ((bytes[start] as number) & 31)] as number;
  while (candidate !== 0) {
    const name = names[candidate] as Uint8Array;
    let k = 0;
    // `| 0x20` lowers letters. Among the characters of a token it turns no other one into a letter or into
    // `-`.
    while (k < length && ((bytes[start + k] as number) | 0x20) === name[k]) k++;
    if (k === length) return kinds[candidate] as number;
    candidate = nextCandidate[candidate] as number;
  }
  return 0;
}

/** Whether the field of that FieldName says how long the message is. */
export const isFraming = (name: number): boolean =>
  name === FieldName.contentLength || name === FieldName.transferEncoding;
