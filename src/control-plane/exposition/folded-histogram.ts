// The 720 latency buckets folded into the few of a Prometheus histogram.

import type { SlabTotals } from '#src/control-plane/traffic/slab-totals.ts';
import { bucketUpperMs } from '#src/core/telemetry/histogram.ts';
import { latencyBucketCount } from '#src/limits.ts';
import { ANSWER, type Arm, answerOffset } from '#src/shared-memory/layout.ts';

/** Upper bounds in seconds: half a millisecond, which a gateway adds, to a minute, beyond every timeout. */
export const durationBounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/**
 * First fine bucket that is not wholly at or below each bound; a fine bucket is 2 % wide, so a bound is at
 * most 2 % off.
 */
const foldedAt = durationBounds.map((bound) => {
  let bucket = 0;
  while (bucket < latencyBucketCount && bucketUpperMs(bucket) <= bound * 1000) bucket++;
  return bucket;
});

interface FoldedHistogram {
  /** Requests at or below each bound, cumulative. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** Latency to response head of everything one cluster answered. */
export function foldHistogram(totals: SlabTotals, arm: Arm): FoldedHistogram {
  const at = answerOffset(arm) + ANSWER.latency;
  const cumulative: number[] = [];
  let count = 0;
  for (let bucket = 0; bucket < latencyBucketCount; bucket++) {
    while (foldedAt[cumulative.length] === bucket) cumulative.push(count);
    count += totals.at(at + bucket);
  }
  const sumSeconds = totals.at(answerOffset(arm) + ANSWER.latencyMsSum) / 1000;
  return { cumulative, count, sumSeconds };
}
