// Where a key lies on the line from 0 to 1 on which the weight is a mark: below it the key is on Y. Growing the weight only
// moves the mark, so a key crosses from X to Y at most once per rollout and never flaps.
//
// MurmurHash3 x86-32 (Austin Appleby, public domain). Why: the seed takes the salt; one multiply-rotate per 4 bytes is the
// cheapest well-tested mixing in int32 arithmetic, all that JavaScript does without allocating; and its finaliser
// (fmix32) avalanches fully, which FNV-1a lacks: keys such as user-1, user-2 share their high bits there, and the high
// bits are what is compared with the weight. It is not meant to resist people who choose their own keys: they could at
// most choose which cluster answers them.
import { PPM } from '#src/limits.ts';

const c1 = 0xcc9e2d51 | 0;
const c2 = 0x1b873593;
const two32 = 0x1_0000_0000;

function mixBlock(hash: number, block: number): number {
  let k = Math.imul(block, c1);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, c2);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + (0xe6546b64 | 0)) | 0;
}

function mixTail(hash: number, tail: number): number {
  const k = Math.imul(tail, c1);
  return hash ^ Math.imul((k << 15) | (k >>> 17), c2);
}

/** The murmur3 finaliser: every input bit flips every output bit with a probability close to 1/2. */
function finish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hash of bytes[start, end) under a salt (int32): an unsigned 32-bit integer. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, salt: number): number {
  const length = end - start;
  const tailAt = start + (length & ~3);
  let hash = salt | 0;
  for (let at = start; at < tailAt; at += 4) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    const high = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    hash = mixBlock(hash, low | high);
  }
  let tail = 0;
  for (let at = end - 1; at >= tailAt; at--) tail = (tail << 8) | (bytes[at] as number);
  if (tailAt < end) hash = mixTail(hash, tail);
  return finish(hash, length);
}

/** As hashBytes, for an ASCII string: each code unit counts as one byte. */
export function hashAscii(text: string, start: number, salt: number): number {
  const end = text.length;
  const length = end - start;
  const tailAt = start + (length & ~3);
  let hash = salt | 0;
  for (let at = start; at < tailAt; at += 4) {
    const low = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8);
    const high = (text.charCodeAt(at + 2) << 16) | (text.charCodeAt(at + 3) << 24);
    hash = mixBlock(hash, low | high);
  }
  let tail = 0;
  for (let at = end - 1; at >= tailAt; at--) tail = (tail << 8) | text.charCodeAt(at);
  if (tailAt < end) hash = mixTail(hash, tail);
  return finish(hash, length);
}

/** Hash of a client address; an IPv4-mapped IPv6 address is the same client as its IPv4 form. */
export function hashAddress(address: string, salt: number): number {
  return hashAscii(address, address.startsWith('::ffff:') && address.includes('.') ? 7 : 0, salt);
}

/**
 * Whether a position on the line is on Y: `hash / 2^32 < weightPpm / 1,000,000`, exact in doubles (both sides of the
 * multiplied form are integers below 2^53). Monotone in the weight; never at 0, always at 1,000,000.
 * @param hash unsigned 32-bit integer: a key's hash, or a random number
 * @param weightPpm Y's share, 0..1,000,000
 */
export function belowWeight(hash: number, weightPpm: number): boolean {
  return hash * PPM < weightPpm * two32;
}
