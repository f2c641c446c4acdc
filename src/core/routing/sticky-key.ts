// Sticky keys. A key's hash is a number from 0 to 1, and the key is on Y while that is below Y's weight. So
// while the weight grows, a key moves from X to Y at most once, and never back.
//
// The hash is MurmurHash3 x86-32 (Austin Appleby, public domain). Its seed takes the salt. It needs one
// multiplication and rotation for 4 bytes in int32 arithmetic, which is all that JavaScript does without
// allocating. Its finaliser (fmix32) changes all bits of the hash when one bit of the key changes. FNV-1a
// does not: keys such as user-1 and user-2 share their high bits there, and the high bits are compared with
// the weight. The hash does not resist clients who choose their keys; they could only choose their cluster.
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

/**
 * The finaliser of MurmurHash3: each bit of the input flips each bit of the output with a probability near
 * 1/2.
 */
function finish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hash of bytes[start, end) with a salt (int32), as an unsigned 32-bit integer. */
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

/** The same for an ASCII string: each of its code units counts as a byte. */
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

/**
 * Hash of a client's address. An IPv4-mapped IPv6 address has the hash of its IPv4 form, since it is the same
 * client.
 */
export function hashAddress(address: string, salt: number): number {
  return hashAscii(address, address.startsWith('::ffff:') && address.includes('.') ? 7 : 0, salt);
}

/**
 * Whether a hash is on Y: `hash / 2^32 < weightPpm / 1,000,000`. It is computed as a product of integers
 * below 2^53, which doubles hold exactly. At a weight of 0 no hash is on Y, at 1,000,000 every one.
 * @param hash unsigned 32-bit integer: a key's hash, or a random number
 * @param weightPpm Y's share, 0..1,000,000
 */
export function belowWeight(hash: number, weightPpm: number): boolean {
  return hash * PPM < weightPpm * two32;
}
