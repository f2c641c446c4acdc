// Simulated traffic for tests of the analysis: seeded, in ticks of counts, without waiting.
import { createRandom, type Random } from '#src/base/random.ts';
import { Analysis } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { ArmSample, type EpochSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { PPM, tickMs } from '#src/limits.ts';

export const thresholds: AnalysisThresholds = {
  errorRate: { timesX: 1.1, overX: 0.0002, max: 0.05 },
  statusMix: { timesX: 1.25, overX: 0.002 },
  latency: { timesX: 1.1, overXMs: 2, maxMs: {} },
  falseReverts: 0.01,
  harm: 0.001,
  warmupMs: 45_000,
  blipToleranceMs: 1_000,
  attribution: 'all',
};

/**
 * Number of ones among `n` draws with probability `p`: skips from one to the next, so small rates are cheap.
 */
export function binomial(random: Random, n: number, p: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  const logMiss = Math.log1p(-p);
  let ones = 0;
  let at = 0;
  for (;;) {
    at += 1 + Math.floor(Math.log(1 - random.next()) / logMiss);
    if (at > n) return ones;
    ones++;
  }
}

export function emptyEpoch(epoch: number, weightPpm: number): EpochSample {
  return { epoch, weightPpm, x: new ArmSample(), y: new ArmSample() };
}

/** A tick of one epoch with these counts; the objects of `tick` are refilled. */
export function fill(
  tick: TickSample,
  atMs: number,
  counts: readonly [number, number, number, number],
): TickSample {
  const [epoch] = tick.epochs;
  if (epoch === undefined) throw new Error('a tick needs an epoch');
  tick.dtMs = atMs - tick.atMs;
  tick.atMs = atMs;
  [epoch.x.requests, epoch.x.failures, epoch.y.requests, epoch.y.failures] = counts;
  for (const arm of [epoch.x, epoch.y]) arm.status[200] = arm.requests - arm.failures;
  return tick;
}

export interface Scenario {
  readonly seed: number;
  readonly seconds: number;
  readonly rps?: number;
  /** Y's share. */
  readonly weight?: number;
  /** Error rates by second since Y got its first traffic. */
  readonly pX: (second: number) => number;
  readonly pY: (second: number) => number;
  readonly thresholds?: Partial<AnalysisThresholds>;
}

export interface Run {
  /** The verdict that ended the run; null when none did. */
  readonly reverted: Verdict | null;
  readonly seconds: number;
  /** Requests on Y until then. */
  readonly samples: number;
  readonly last: Verdict;
}

const warmSeconds = 60;

/** A minute of X alone, then both arms at a fixed weight until a revert or the end. */
export function simulate(scenario: Scenario): Run {
  const { seed, seconds, rps = 1000, weight = 0.1, pX, pY } = scenario;
  const random = createRandom(seed);
  const analysis = new Analysis({ ...thresholds, ...scenario.thresholds });
  const perTick = (rps * tickMs) / 1000;
  const calm: TickSample = { atMs: 0, dtMs: 0, epochs: [emptyEpoch(1, 0)] };
  for (let ms = tickMs; ms <= warmSeconds * 1000; ms += tickMs) {
    const nX = arrivals(random, perTick);
    analysis.update(fill(calm, ms, [nX, binomial(random, nX, pX(0)), 0, 0]));
  }
  const startMs = warmSeconds * 1000;
  analysis.resetRollout(startMs);
  analysis.resetStep(PPM, startMs);
  const live: TickSample = { atMs: startMs, dtMs: 0, epochs: [emptyEpoch(2, weight * PPM)] };
  let samples = 0;
  for (let ms = tickMs; ms <= seconds * 1000; ms += tickMs) {
    const n = arrivals(random, perTick);
    const nY = binomial(random, n, weight);
    const second = ms / 1000;
    samples += nY;
    const kX = binomial(random, n - nY, pX(second));
    analysis.update(fill(live, startMs + ms, [n - nY, kX, nY, binomial(random, nY, pY(second))]));
    const verdict = analysis.assess({ goal: 'step' });
    if (verdict.decision === 'revert') return { reverted: verdict, seconds: second, samples, last: verdict };
  }
  return { reverted: null, seconds, samples, last: analysis.assess({ goal: 'step' }) };
}

/** Requests of a tick: the whole part of the mean, and one more as often as the rest says. */
const arrivals = (random: Random, mean: number): number =>
  Math.floor(mean) + (random.next() < mean - Math.floor(mean) ? 1 : 0);

/** Value below which the share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
