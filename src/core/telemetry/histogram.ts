// Latency buckets: which bucket a latency belongs to (once per request in a worker), and what the analysis reads from
// the counts: quantiles, tails above a threshold, and a history that forgets with a half-life.
import { assert } from '#src/base/assert.ts';
import { latencyBucketCount, latencyBucketFirstMs, latencyBucketGamma } from '#src/limits.ts';

const lastBucket = latencyBucketCount - 1;
const logGamma = Math.log(latencyBucketGamma);

/** The definition: bucket j holds (0.1 * 1.02^(j-1), 0.1 * 1.02^j] ms, unbounded at both ends of the range. */
export function latencyBucketIndexByDefinition(ms: number): number {
  if (!(ms > latencyBucketFirstMs)) return 0;
  return Math.min(lastBucket, Math.ceil(Math.log(ms / latencyBucketFirstMs) / logGamma));
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Largest double that the definition puts into bucket j or below: its own rounding decides, so that both agree on every value. */
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

// The exponent and the top 7 bits of the mantissa of a double cut the line into cells narrower than a bucket, so a cell
// holds at most one edge: its first bucket from a table and one comparison give the bucket, without a logarithm.
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
 * Bucket 0..719 of a latency in ms. Below 0.1 ms (and for NaN) it is 0, above 151 s the last one.
 * Equal to {@link latencyBucketIndexByDefinition} for every double, at a few ns.
 */
export function latencyBucketIndex(ms: number): number {
  if (!(ms > latencyBucketFirstMs)) return 0;
  if (ms > lastEdgeMs) return lastBucket;
  bits[0] = ms;
  const j = bucketAtCellStart[((words[highWord] as number) >>> cellShift) - firstCell] as number;
  return ms > (edgesMs[j] as number) ? j + 1 : j;
}

/** Largest latency in ms that bucket `j` holds; of the last bucket, its nominal edge of 154 s. */
export function bucketUpperMs(j: number): number {
  return edgesMs[j] as number;
}

/** Buckets by which a latency moves when it is multiplied by `factor` >= 1, rounded up: 1.1 gives 5. */
export function bucketShift(factor: number): number {
  return Math.max(0, Math.ceil(Math.log(factor) / logGamma - 1e-9));
}

/** Sum of the counts in buckets above `j`: how many were slower than that bucket's upper edge. */
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
 * Sums from each bucket on: `out[j]` is the count in buckets `j` and above, `out[0]` the total. `out` has one element more
 * than there are buckets, the last one 0. With them every tail and quantile is one look-up.
 */
export function suffixSums(counts: Float64Array, out: Float64Array): void {
  let sum = 0;
  out[counts.length] = 0;
  for (let j = counts.length - 1; j >= 0; j--) {
    sum += counts[j] as number;
    out[j] = sum;
  }
}

/** {@link quantileBucket} from suffix sums: the lowest bucket with at most the share 1 - q above it; -1 when empty. */
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

/** Lowest bucket at or below which the share `q` (0..1) of the counts lies; -1 when there are none. */
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

/** Latency in ms at quantile `q`: the upper edge of its bucket, at most 2 % too high; null when there are no counts. */
export function quantileMs(counts: Float64Array, q: number): number | null {
  const bucket = quantileBucket(counts, q);
  return bucket < 0 ? null : bucketUpperMs(bucket);
}

// Rescale long before the scale nears the end of the doubles.
const scaleMax = 2 ** 200;

export interface DecayedHistogramSnapshot {
  readonly scale: number;
  /** [bucket, count] pairs of the buckets that are not empty. */
  readonly counts: readonly (readonly [number, number])[];
}

/** Counts by bucket that lose half of their weight every `halfLifeMs`. Time is told, never read. */
export class DecayedHistogram {
  readonly #halfLifeMs: number;
  /** New counts enter multiplied by the scale, which grows: the same as shrinking all old ones, at no cost per bucket. */
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

  /** Decayed number of requests in each bucket and above, as {@link suffixSums}. */
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
