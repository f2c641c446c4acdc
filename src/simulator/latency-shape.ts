// Distributions of latency, as the share of requests in each bucket, and how a slower version changes them.
import type { Random } from '#src/base/random.ts';
import { bucketUpperMs } from '#src/core/telemetry/histogram.ts';
import { latencyBucketCount, latencyBucketGamma } from '#src/limits.ts';
import { AliasTable } from './draws.ts';

const lastBucket = latencyBucketCount - 1;

export class LatencyShape {
  /** Share of the requests in each bucket; the sum is 1. */
  readonly shares: Float64Array;
  readonly #table: AliasTable;

  constructor(shares: Float64Array) {
    this.shares = shares;
    this.#table = new AliasTable(shares);
  }

  /** Draws `count` latencies, each `shift` buckets slower, and adds them to `into`. */
  addDraws(random: Random, count: number, shift: number, into: Float64Array): void {
    for (let i = 0; i < count; i++) {
      const bucket = Math.max(0, Math.min(lastBucket, this.#table.draw(random) + shift));
      into[bucket] = (into[bucket] as number) + 1;
    }
  }
}

/**
 * Buckets by which a latency moves when it is multiplied by `factor`. Rounded to a whole number it is at most
 * 1 % off.
 */
export const shiftOf = (factor: number): number => Math.log(factor) / Math.log(latencyBucketGamma);

/** A lognormal distribution; `sigma` is the standard deviation of the logarithm. */
export function lognormal(medianMs: number, sigma: number): LatencyShape {
  const shares = new Float64Array(latencyBucketCount);
  let below = 0;
  for (let j = 0; j < latencyBucketCount; j++) {
    const upTo = j === lastBucket ? 1 : normalCdf(Math.log(bucketUpperMs(j) / medianMs) / sigma);
    shares[j] = Math.max(0, upTo - below);
    below = upTo;
  }
  return new LatencyShape(shares);
}

/** Two kinds of requests, of which the second has the share `share`. */
export function mixed(first: LatencyShape, second: LatencyShape, share: number): LatencyShape {
  const shares = first.shares.map((value, j) => value * (1 - share) + (second.shares[j] as number) * share);
  return new LatencyShape(shares);
}

/** Requests above quantile `fromQuantile` take `factor` times as long; with 0, all requests do. */
export function slower(shape: LatencyShape, factor: number, fromQuantile = 0): LatencyShape {
  const shares = new Float64Array(latencyBucketCount);
  const shift = shiftOf(factor);
  const whole = Math.floor(shift);
  const add = (j: number, share: number): void => {
    const at = Math.min(lastBucket, j);
    shares[at] = (shares[at] as number) + share;
  };
  let below = 0;
  for (const [j, share] of shape.shares.entries()) {
    const moved = Math.min(share, Math.max(0, below + share - fromQuantile));
    below += share;
    add(j, share - moved);
    add(j + whole, moved * (1 - shift + whole));
    add(j + whole + 1, moved * (shift - whole));
  }
  return new LatencyShape(shares);
}

/** Distribution function of the standard normal distribution, to 1e-7 (Abramowitz and Stegun 7.1.26). */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z > 0 ? 1 - tail : tail;
}

/** Median 50 ms and p99 202 ms, like many APIs. */
export const usualShape = lognormal(50, 0.6);
/** Four fifths are fast, and one fifth waits for something slow. */
export const bimodalShape = mixed(lognormal(20, 0.3), lognormal(300, 0.3), 0.2);
/** A very narrow distribution, of which a small shift moves every request. */
export const narrowShape = lognormal(50, 0.08);
