// Append-only records that cannot be changed unnoticed: each carries the hash of the one before it.
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** What the first record of a chain follows. */
export const chainStart = '0'.repeat(64);

/** SHA-256 in hex over the previous hash, a line feed and the record's canonical JSON. */
export function chainHash(previousHash: string, record: unknown): string {
  return createHash('sha256').update(previousHash).update('\n').update(canonicalJson(record)).digest('hex');
}

export interface ChainLink {
  readonly record: unknown;
  readonly previousHash: string;
  readonly hash: string;
}

/** Index of the first link that was changed, lost its predecessor or was put in later; -1 when the chain holds. */
export function brokenLinkIndex(links: readonly ChainLink[], startHash: string): number {
  let previousHash = startHash;
  for (const [index, link] of links.entries()) {
    if (link.previousHash !== previousHash) return index;
    if (chainHash(previousHash, link.record) !== link.hash) return index;
    previousHash = link.hash;
  }
  return -1;
}
