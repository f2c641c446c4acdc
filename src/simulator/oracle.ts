// The best that a test could do: Wald's sequential probability ratio test, which knows both distributions
// exactly and looks at Y after every request. And, to compare it with, the product's own test of errors by
// itself, without protection against bursts.
import type { Random } from '#src/base/random.ts';
import { EpochBlocks } from '#src/core/analysis/e-process/epoch-blocks.ts';
import { RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { errorOdds, StreamTest } from '#src/core/analysis/e-process/stream-test.ts';
import { tickMs } from '#src/limits.ts';
import { AliasTable, drawBinomial, drawPoisson } from './draws.ts';

const alpha = 0.01;
const bar = Math.log(1 / alpha);
/** Requests after which a run counts as never ending. */
const samplesMax = 1e7;

/**
 * Requests on Y until the likelihood ratio of Y's distribution to X's reaches 1/alpha; Infinity when it never
 * does.
 */
export function sprtSamples(random: Random, x: ArrayLike<number>, y: ArrayLike<number>): number {
  const table = new AliasTable(y);
  // An outcome that X never has decides at once, so its logarithm is very large; one that Y never has is
  // never drawn.
  const ratios = Float64Array.from(y, (share, i) => Math.log(share / Math.max(1e-300, x[i] as number)));
  let log = 0;
  for (let samples = 1; samples <= samplesMax; samples++) {
    log += ratios[table.draw(random)] as number;
    if (log >= bar) return samples;
  }
  return Number.POSITIVE_INFINITY;
}

interface StreamRun {
  readonly random: Random;
  /** X's error rate by second, and Y's for X's. */
  readonly pX: (second: number) => number;
  readonly pY: (pX: number) => number;
  /** Y's share by second. */
  readonly weight: (second: number) => number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly timesX: number;
  readonly over: number;
}

/** Requests on Y until the stream reaches 1/alpha; Infinity when it does not within the time. */
export function streamSamples(run: StreamRun): number {
  const { random, pX, pY, weight, timesX, over } = run;
  const test = new StreamTest({ timesX, over, odds: errorOdds, limit: null });
  const blocks = new EpochBlocks();
  const rate = new RateTracker();
  const mean = (run.perSecond * tickMs) / 1000;
  for (let ms = -60_000; ms < 0; ms += tickMs) {
    const requests = drawPoisson(random, mean);
    rate.add(tickMs, requests, drawBinomial(random, requests, pX(ms / 1000)));
  }
  test.reset(0);
  let samples = 0;
  let epoch = 0;
  let lastShare = -1;
  for (let ms = tickMs; ms <= run.seconds * 1000; ms += tickMs) {
    const second = ms / 1000;
    const share = weight(second);
    if (share !== lastShare) epoch++;
    lastShare = share;
    const requests = drawPoisson(random, mean);
    const nY = drawBinomial(random, requests, share);
    const nX = requests - nY;
    const kX = drawBinomial(random, nX, pX(second));
    const kY = drawBinomial(random, nY, pY(pX(second)));
    samples += nY;
    if (blocks.add(epoch, nX, kX, nY, kY, rate.plugIn())) test.add(blocks, ms);
    if (test.logEvidence() >= bar) return samples;
    rate.add(tickMs, nX, kX);
  }
  return Number.POSITIVE_INFINITY;
}
