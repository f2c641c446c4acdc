// What the analysis needs of its streams, whatever they count. Streams that share how they count make up a
// family, which takes the samples; each stream answers for itself.

import type { StreamEvidence } from '#src/core/analysis/verdict.ts';
import type { EpochSample } from '#src/core/telemetry/sample.ts';

/** One question about Y, and the evidence on it. */
export interface EvidenceStream {
  readonly name: string;
  /** All numbers at this moment. */
  evidence(): StreamEvidence;
  /** What speaks against Y, with the counts it rests on: the beginning of the sentence of a revert. */
  finding(): string;
  /** What is still needed to show that Y is not worse; null when nothing is, or when nobody asks for it. */
  need(): Need | null;
}

export interface Need {
  /** Whose need it is, and what that counts: `404 responses`. */
  readonly stream: string;
  readonly subject: string;
  /**
   * Requests on Y, an estimate; null when unknown, or when no number of them would do at the present rates.
   */
  readonly requests: number | null;
  /** Between which numbers of requests about three of four proofs end; absent where `requests` is null. */
  readonly range?: { readonly from: number; readonly to: number };
  /** The sentence for when there is no number. */
  readonly doubt: string;
}

/** The most of them; null where one is. */
export function mostRequests(needed: readonly (number | null)[]): number | null {
  let most = 0;
  for (const requests of needed) {
    if (requests === null) return null;
    most = Math.max(most, requests);
  }
  return most;
}

export interface StreamFamily<Snapshot> {
  /** The streams that have any evidence at this moment. The others count as no evidence at all. */
  readonly streams: readonly EvidenceStream[];
  /**
   * A tick begins: the samples that follow are of the `dtMs` before `nowMs`. `warm` is whether Y's warm-up is
   * over.
   */
  beginTick(nowMs: number, dtMs: number, warm: boolean): void;
  /** One epoch of the tick. */
  add(sample: EpochSample): void;
  /** The tick is over. Only now may a family learn from it about X. */
  endTick(): void;
  /** A rollout begins: all evidence is forgotten. What is known of X alone stays. */
  resetRollout(nowMs: number): void;
  /**
   * A step begins, after which Y's share would be `nextWeightPpm`: evidence for Y is gathered anew, that
   * against it is kept.
   */
  resetStep(nextWeightPpm: number, nowMs: number): void;
  /**
   * Requests on Y that the slowest proof of such a step takes at the present rates, on average, with `xPerY`
   * requests on X for each; 0 where none is asked for, null for never.
   */
  requestsAfresh(nextWeightPpm: number, xPerY: number): number | null;
  /** Gives up the evidence against Y, because its cause was found and removed. That is valid at any time. */
  forgetGains(nowMs: number): void;
  snapshot(): Snapshot;
  restore(snapshot: Snapshot): void;
}
