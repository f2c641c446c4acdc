// One quantile of the latency comparison: where X's quantile is, and above which latency a request on Y
// counts as slower. That latency is above timesX times X's quantile, and more than overX above it as well,
// because nobody notices a tenth of 0.3 ms. Both are rounded up to the edge of a bucket, so a request on Y is
// only ever counted as slow when it is.
//
// Why overX costs no validity. The test's null is that Y is above its threshold no more often than X is above
// X's quantile, plus a margin. A Y that is slower than X by at most overX, or by at most timesX, meets it,
// whichever threshold is the higher one; and a higher threshold on Y alone only lowers Y's count, which never
// raises the evidence against it.

import type { LatencyThreshold, StreamEvidence } from '#src/core/analysis/verdict.ts';
import { bucketUpperMs, latencyBucketIndex, quantileBucketOfSums } from '#src/core/telemetry/histogram.ts';
import { latencyBucketCount } from '#src/limits.ts';
import type { CapStream } from './cap-stream.ts';
import type { ComparedStream } from './compared-stream.ts';
import type { EvidenceStream, Need } from './stream-family.ts';

const lastBucket = latencyBucketCount - 1;

export interface LatencyTolerance {
  /** Buckets by which timesX moves a latency, rounded up. */
  readonly shift: number;
  readonly overXMs: number;
}

/** Which quantile this is. */
interface QuantileOrder {
  readonly index: number;
  /** Share of X's requests that are not above it. */
  readonly q: number;
}

export class LatencyQuantile implements EvidenceStream {
  readonly index: number;
  readonly q: number;
  readonly compared: ComparedStream;
  /**
   * Null without an absolute limit; then Y may be above `maxBucket` no more often than in 1 - q of its
   * requests.
   */
  readonly cap: CapStream | null;
  readonly maxBucket: number;
  readonly #tolerance: LatencyTolerance;
  /** Bucket of X's quantile, -1 while unknown, and X's share above it, as of before this tick. */
  #bucket = -1;
  #a = 0;

  constructor(
    { index, q }: QuantileOrder,
    tolerance: LatencyTolerance,
    compared: ComparedStream,
    cap: CapStream | null,
    maxBucket: number,
  ) {
    this.index = index;
    this.q = q;
    this.#tolerance = tolerance;
    this.compared = compared;
    this.cap = cap;
    this.maxBucket = maxBucket;
  }

  get name(): string {
    return this.compared.name;
  }

  get a(): number {
    return this.#a;
  }

  /** Bucket above which a request on X is above X's quantile; -1 while unknown. */
  get bucket(): number {
    return this.#bucket;
  }

  /** Bucket above which a request on Y counts as slower. */
  get bucketY(): number {
    return this.bucketAbove(this.#tolerance.shift);
  }

  /**
   * The same with another factor, as an advance has it, where that is larger. A Y that is as slow as timesX
   * and overX allow must not be held, so an advance allows that as well.
   */
  bucketAbove(factorShift: number): number {
    const { shift, overXMs } = this.#tolerance;
    const bySlack = latencyBucketIndex(bucketUpperMs(this.#bucket) + overXMs);
    return Math.min(lastBucket, Math.max(this.#bucket + Math.max(shift, factorShift), bySlack));
  }

  /** Takes X's quantile and its share above from the sums of X's past, as {@link suffixSums}. */
  learn(past: Float64Array): void {
    this.#bucket = quantileBucketOfSums(past, this.q);
    const above = past[Math.min(lastBucket, this.#bucket) + 1] as number;
    this.#a = Math.max(above / (past[0] as number), 0.2 * (1 - this.q));
  }

  /** Latency in ms above which a request of an arm is slow; Infinity while unknown. */
  thresholdMs(arm: 'x' | 'y'): number {
    if (this.#bucket < 0) return Number.POSITIVE_INFINITY;
    return bucketUpperMs(arm === 'x' ? this.#bucket : this.bucketY);
  }

  /** Both thresholds, and which tolerance makes Y's; null while unknown. */
  threshold(): LatencyThreshold | null {
    if (this.#bucket < 0) return null;
    const { shift, overXMs } = this.#tolerance;
    const by = this.bucketY > Math.min(lastBucket, this.#bucket + shift) ? 'overX' : 'timesX';
    return { xMs: roundMs(this.thresholdMs('x')), yMs: roundMs(this.thresholdMs('y')), by, overXMs };
  }

  evidence(): StreamEvidence {
    const evidence = this.compared.evidence();
    const threshold = this.threshold();
    return threshold === null ? evidence : { ...evidence, threshold };
  }

  finding(): string {
    return this.compared.finding();
  }

  need(): Need | null {
    return this.compared.need();
  }
}

const roundMs = (ms: number): number => Number(ms.toPrecision(3));
