// Where a record ends: one hash that everything before it leads to. Kept outside the store, it proves later
// that nothing was cut off or written anew; with a key it is signed, so that only who has the key can make
// one.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface RecordEnd {
  /** Number of the last entry of the journal, from 1. */
  readonly id: number;
  /** Its hash, 64 hex digits. */
  readonly hash: string;
}

/** What signs the end of a record; see record-key.ts. */
export type RecordKey = Uint8Array;

/** HMAC-SHA256 (RFC 2104) of an end, in hex. */
export function endMac(key: RecordKey, { id, hash }: RecordEnd): string {
  return createHmac('sha256', key).update(`crossover record end\n${id}\n${hash}\n`).digest('hex');
}

/** Whether a signature is that of an end; takes the same time whatever it differs in. */
export function isSignedBy(key: RecordKey, end: RecordEnd, mac: string): boolean {
  const wanted = Buffer.from(endMac(key, end));
  const given = Buffer.from(mac);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

/** SHA-256 in hex of a text that is kept beside the journal and named in it. */
export const textHash = (text: string): string => createHash('sha256').update(text).digest('hex');
