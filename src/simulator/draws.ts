// Random numbers from the distributions that simulated traffic needs. They are exact rather than approximated
// by a normal distribution: the analysis is held to probabilities of a percent, which depend on the tails.
import { assert } from '#src/base/assert.ts';
import type { Random } from '#src/base/random.ts';

/** Up to this mean, skipping from success to success is faster than rejection. */
const skippedMeanMax = 10;

/** Uniform in (0, 1). It is never 0, so its logarithm is finite. */
const openUniform = (random: Random): number => (random.nextUint32() + 0.5) / 0x1_0000_0000;

/** Binomial: the number of successes among `n` trials with probability `p`. */
export function drawBinomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - drawBinomial(random, n, 1 - p);
  return n * p <= skippedMeanMax ? bySkipping(random, n, p) : byRejection(random, n, p);
}

/** Adds up the gaps between successes, which are geometric. */
function bySkipping(random: Random, n: number, p: number): number {
  const logMiss = Math.log1p(-p);
  let successes = 0;
  let at = 0;
  for (;;) {
    at += 1 + Math.floor(Math.log(openUniform(random)) / logMiss);
    if (at > n) return successes;
    successes++;
  }
}

/**
 * Transformed rejection with squeeze, BTRS (W. Hörmann, "The generation of binomial random variates", 1993).
 */
function byRejection(random: Random, n: number, p: number): number {
  const spread = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const center = n * p + 0.5;
  const squeeze = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const logOdds = Math.log(p / (1 - p));
  const mode = Math.floor((n + 1) * p);
  const atMode = logFactorial(mode) + logFactorial(n - mode);
  for (;;) {
    const u = random.next() - 0.5;
    const v = openUniform(random);
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + center);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    const bound = atMode - logFactorial(k) - logFactorial(n - k) + (k - mode) * logOdds;
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

const factorials = Float64Array.from({ length: 128 }, () => 0);
for (let n = 2; n < factorials.length; n++) factorials[n] = (factorials[n - 1] as number) + Math.log(n);

/** ln n!, from a table or, for large n, by Stirling's series to 1e-15. */
function logFactorial(n: number): number {
  if (n < factorials.length) return factorials[n] as number;
  const inverse = 1 / n;
  const tail = (inverse / 12) * (1 - (inverse * inverse) / 30);
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + tail;
}

/** Poisson: drawn as a binomial with so many trials that the difference is a millionth of the mean. */
export function drawPoisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  const trials = Math.max(1e6, Math.ceil(mean * 1000));
  return drawBinomial(random, trials, mean / trials);
}

/** Standard normal (Box and Muller). */
export function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(openUniform(random))) * Math.cos(2 * Math.PI * random.next());
}

/** Time to the next event of a process with `mean` between events, in the unit of the mean. */
export const drawExponential = (random: Random, mean: number): number =>
  -mean * Math.log(openUniform(random));

/** Draws indices with given weights, with two comparisons for each: Walker's alias method (Vose, 1991). */
export class AliasTable {
  readonly #accept: Float64Array;
  readonly #alias: Uint16Array;

  constructor(weights: ArrayLike<number>) {
    const count = weights.length;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i] as number;
    assert(total > 0, 'some index has weight');
    this.#accept = new Float64Array(count).fill(1);
    this.#alias = Uint16Array.from({ length: count }, (_, i) => i);
    const scaled = Float64Array.from(weights, (weight) => (weight * count) / total);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < count; i++) ((scaled[i] as number) < 1 ? small : large).push(i);
    for (;;) {
      const less = small.pop();
      const more = large.pop();
      if (less === undefined || more === undefined) return;
      this.#accept[less] = scaled[less] as number;
      this.#alias[less] = more;
      scaled[more] = (scaled[more] as number) - (1 - (scaled[less] as number));
      ((scaled[more] as number) < 1 ? small : large).push(more);
    }
  }

  draw(random: Random): number {
    const at = random.next() * this.#accept.length;
    const index = Math.floor(at);
    return at - index < (this.#accept[index] as number) ? index : (this.#alias[index] as number);
  }
}
