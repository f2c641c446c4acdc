// Append-only records that cannot be changed unnoticed: each carries the hash of the one before it. The hash
// is over the stored text as it is, so that a checker needs no knowledge of what the text means.
import { createHash } from 'node:crypto';

/** What the first record of a chain follows. */
export const chainStart = '0'.repeat(64);

/** The records that are chained, each kind on its own. */
export const chainNames = ['events', 'transitions', 'configs', 'evidence'] as const;
export type ChainName = (typeof chainNames)[number];

/** SHA-256 in hex over the previous hash, a line feed and the record's text. */
export function chainHash(previousHash: string, record: string): string {
  return createHash('sha256').update(previousHash).update('\n').update(record).digest('hex');
}

export interface ChainRow {
  readonly id: number;
  readonly record: string;
  readonly previousHash: string;
  readonly hash: string;
  /** Whether what is kept beside the text, and could be worked out from it, is what it says. */
  readonly isConsistent: boolean;
}

/** A chain's last record. */
export interface ChainEnd {
  readonly id: number;
  readonly hash: string;
}

/** Whether a record follows the one with this hash, and has the text that it was made with. */
export const isLinked = ({ previousHash, hash }: ChainRow, startHash: string, record: string): boolean =>
  previousHash === startHash && chainHash(previousHash, record) === hash;
