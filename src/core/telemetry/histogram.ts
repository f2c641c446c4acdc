// Histograms of latency: the bucket of a latency, which a worker looks up for each request, and what is read
// from the counts: quantiles, shares above a threshold, and counts that lose their weight over time.
import { assert } from '#src/base/assert.ts';
import { latencyBucketCount, latencyBucketFirstMs, latencyBucketGamma } from '#src/limits.ts';

const lastBucket = latencyBucketCount - 1;
const logGamma = Math.log(latencyBucketGamma);

/**
 * The definition of the buckets: bucket j is from 0.1 * 1.02^(j-1), not included, to 0.1 * 1.02^j ms. The
 * first has no lower and the last no upper end.
 */
export function latencyBucketIndexByDefinition(ms: number): number {
  if (!(ms > latencyBucketFirstMs)) return 0;
  return Math.min(lastBucket, Math.ceil(Math.log(ms / latencyBucketFirstMs) / logGamma));
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * The largest double that the definition puts into bucket j or below. It is searched for, so that rounding is
 * the same.
 */
function upperEdge(j: number): number {
  let below = latencyBucketFirstMs * latencyBucketGamma ** j * (1 - 1e-12);
  let above = latencyBucketFirstMs * latencyBucketGamma ** j * (1 + 1e-12);
  assert(latencyBucketIndexByDefinition(below) <= j, `bucket ${j} ends above its lower bracket`);
  for (;;) {
    const middle = below + (above - below) / 2;
    if (middle <= below || middle >= above) return below;
    if (Math.ceil(Math.log(middle / latencyBucketFirstMs) / logGamma) <= j) below = middle;
    else above = middle;
  }
}

const edgesMs = Float64Array.from({ length: latencyBucketCount }, (_, j) =>
  j === 0 ? latencyBucketFirstMs : upperEdge(j),
);
const lastEdgeMs = edgesMs[lastBucket - 1] as number;

// The exponent and the first 7 bits of the mantissa of a double divide the numbers into cells that are
// narrower than a bucket, so at most one edge of a bucket is within a cell. A table has the first bucket of
// each cell, and one comparison with its edge gives the bucket, without a logarithm.
const cellShift = 20 - 7;
const cellOf = (ms: number): number => {
  bits[0] = ms;
  return (words[highWord] as number) >>> cellShift;
};
const firstCell = cellOf(latencyBucketFirstMs);
const bucketAtCellStart = Uint16Array.from({ length: cellOf(lastEdgeMs) - firstCell + 1 }, (_, cell) => {
  words[1 - highWord] = 0;
  words[highWord] = (cell + firstCell) << cellShift;
  return latencyBucketIndexByDefinition(bits[0] as number);
});

/**
 * Bucket 0..719 of a latency in ms: 0 below 0.1 ms and for NaN, the last one above 151 s. It takes a few ns
 * and is equal to {@link latencyBucketIndexByDefinition} for every double.
 */
export function latencyBucketIndex(ms: number): number {
  if (!(ms > latencyBucketFirstMs)) return 0;
  if (ms > lastEdgeMs) return lastBucket;
  bits[0] = ms;
  const j = bucketAtCellStart[((words[highWord] as number) >>> cellShift) - firstCell] as number;
  return ms > (edgesMs[j] as number) ? j + 1 : j;
}

/** Upper edge of bucket `j` in ms. For the last bucket, which has none, it is 154 s. */
export function bucketUpperMs(j: number): number {
  return edgesMs[j] as number;
}

/**
 * Number of buckets by which a latency moves when it is multiplied by `factor` >= 1, rounded up: 5 for 1.1.
 */
export function bucketShift(factor: number): number {
  return Math.max(0, Math.ceil(Math.log(factor) / logGamma - 1e-9));
}

/** Sum of the counts above bucket `j`: how many were slower than its upper edge. */
export function countAbove(counts: Float64Array, j: number): number {
  let sum = 0;
  for (let i = j + 1; i < counts.length; i++) sum += counts[i] as number;
  return sum;
}

/** Sum over all buckets. */
function countAll(counts: Float64Array): number {
  return countAbove(counts, -1);
}

/**
 * Writes into `out[j]` the count in buckets `j` and above, so `out[0]` is the total. `out` has one element
 * more than there are buckets, which is 0. With these sums the count above any bucket is one look-up.
 */
export function suffixSums(counts: Float64Array, out: Float64Array): void {
  let sum = 0;
  out[counts.length] = 0;
  for (let j = counts.length - 1; j >= 0; j--) {
    sum += counts[j] as number;
    out[j] = sum;
  }
}

/**
 * {@link quantileBucket} from suffix sums: the lowest bucket above which are at most 1 - q of the counts; -1
 * when there are none.
 */
export function quantileBucketOfSums(sums: Float64Array, q: number): number {
  const total = sums[0] as number;
  if (total <= 0) return -1;
  let low = 0;
  let high = sums.length - 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (total - (sums[middle + 1] as number) >= total * q) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The lowest bucket at or below which are `q` (0..1) of the counts; -1 when there are none. */
export function quantileBucket(counts: Float64Array, q: number): number {
  const wanted = countAll(counts) * q;
  if (wanted <= 0) return -1;
  let sum = 0;
  for (let j = 0; j < counts.length; j++) {
    sum += counts[j] as number;
    if (sum >= wanted) return j;
  }
  return counts.length - 1;
}

/**
 * Latency in ms at quantile `q`: its bucket's upper edge, which is at most 2 % too high. Null when there are
 * no counts.
 */
export function quantileMs(counts: Float64Array, q: number): number | null {
  const bucket = quantileBucket(counts, q);
  return bucket < 0 ? null : bucketUpperMs(bucket);
}

// When the scale is larger, all counts are divided by it: long before a double overflows.
const scaleMax = 2 ** 200;

export interface DecayedHistogramSnapshot {
  readonly scale: number;
  /** [bucket, count] pairs of the buckets that are not empty. */
  readonly counts: readonly (readonly [number, number])[];
}

/**
 * Counts by bucket that lose half of their weight every `halfLifeMs`. The caller says how much time has
 * passed.
 */
export class DecayedHistogram {
  readonly #halfLifeMs: number;
  /**
   * New counts are multiplied by the scale, which grows with time. It has the effect of reducing all old
   * counts, at no cost.
   */
  #scale = 1;
  readonly #counts = new Float64Array(latencyBucketCount);

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  /** Lets `dtMs` pass. */
  decay(dtMs: number): void {
    this.#scale *= 2 ** (dtMs / this.#halfLifeMs);
    if (this.#scale < scaleMax) return;
    for (let j = 0; j < this.#counts.length; j++) this.#counts[j] = (this.#counts[j] as number) / this.#scale;
    this.#scale = 1;
  }

  /** Adds the counts of one tick. */
  add(counts: Float64Array): void {
    for (let j = 0; j < counts.length; j++) {
      const count = counts[j] as number;
      if (count > 0) this.#counts[j] = (this.#counts[j] as number) + count * this.#scale;
    }
  }

  /** The weighted counts in each bucket and above, as {@link suffixSums} has them. */
  suffixSums(out: Float64Array): void {
    suffixSums(this.#counts, out);
    for (let j = 0; j < out.length; j++) out[j] = (out[j] as number) / this.#scale;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#scale = 1;
  }

  snapshot(): DecayedHistogramSnapshot {
    const counts: [number, number][] = [];
    for (const [j, count] of this.#counts.entries()) if (count > 0) counts.push([j, count]);
    return { scale: this.#scale, counts };
  }

  restore(snapshot: DecayedHistogramSnapshot): void {
    this.clear();
    this.#scale = snapshot.scale;
    for (const [j, count] of snapshot.counts) this.#counts[j] = count;
  }
}
