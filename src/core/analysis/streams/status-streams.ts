// Whether Y answers with another mix of status classes than X. Any drift raises the share of some class, so
// each class is tested for an increase alone. Server errors are left to the error comparison.

import { type RateSnapshot, RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import { statusSum } from '#src/core/telemetry/outcome.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';
import { PPM } from '#src/limits.ts';
import { type BlipProfile, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import type { OnWorse } from './retest.ts';
import { mostRequests, type StreamFamily } from './stream-family.ts';

export interface StatusThresholds {
  readonly timesX: number;
  readonly overX: number;
  /** What happens when a class has become more frequent; absent: revert. */
  readonly onWorse?: OnWorse;
}

const odds = [1.3, 1.6, 2.2, 4, 10, 50, 1000] as const;
/**
 * Weights of these alternatives. A class has a small share of the budget, so most of it goes to drifts of a
 * point or two, for which a nat is several seconds. A Y that answers 404 to everything is found in three
 * seconds with less.
 */
const prior = [0.18, 0.36, 0.22, 0.1, 0.06, 0.04, 0.04] as const;

/**
 * The least that an advance accepts beyond the tolerance, as a share of Y's requests. To prove less would
 * take minutes.
 */
const acceptedBeyond = 0.008;
/**
 * A tolerance above this is more than three quarters of the margin, which is further than the usual
 * alternatives reach.
 */
const wideTolerance = 3 * acceptedBeyond;
/** The largest margin that a small weight justifies. */
const marginMax = 0.3;

interface StatusClass {
  readonly name: string;
  readonly what: string;
  /** What is counted, given the responses that are no server errors, and how much of it is in the class. */
  requests(arm: ArmSample, answered: number): number;
  hits(arm: ArmSample): number;
}

/**
 * The mix is that of the responses which are no server errors. Of all requests, an X that fails on its own
 * has fewer successes than Y, and they would count against Y.
 */
const answeredBy = (arm: ArmSample): number => statusSum(arm, 100, 499);

const ofCodes = (name: string, hits: (arm: ArmSample) => number): StatusClass => ({
  name,
  what: `${name} responses`,
  requests: (_arm, answered) => answered,
  hits,
});
const ofCode = (code: number): StatusClass => ofCodes(String(code), (arm) => statusSum(arm, code, code));

/** The classes, each code in one at most. */
const classes: readonly StatusClass[] = [
  ofCodes('2xx', (arm) => statusSum(arm, 200, 299)),
  ofCodes('3xx', (arm) => statusSum(arm, 300, 399)),
  ofCode(401),
  ofCode(403),
  ofCode(404),
  ofCode(429),
  ofCodes(
    'other 4xx',
    (arm) =>
      statusSum(arm, 400, 400) +
      statusSum(arm, 402, 402) +
      statusSum(arm, 405, 428) +
      statusSum(arm, 430, 499),
  ),
  {
    name: 'aborted',
    what: 'requests aborted by clients',
    requests: (arm) => arm.requests + arm.clientAborts,
    hits: (arm) => arm.clientAborts,
  },
];

interface TrackedClass {
  readonly counts: StatusClass;
  readonly rate: RateTracker;
  readonly stream: ComparedStream;
  a: number;
  requestsX: number;
  hitsX: number;
}

export type StatusSnapshot = readonly { readonly rate: RateSnapshot; readonly stream: StreamSnapshot }[];

export class StatusStreams implements StreamFamily<StatusSnapshot> {
  readonly streams: readonly ComparedStream[];
  readonly #classes: readonly TrackedClass[];
  readonly #harm: number;
  readonly #overX: number;
  #dtMs = 0;

  /** harm: the share of all traffic that may get another answer than from X if an advance was wrong. */
  constructor({ timesX, overX }: StatusThresholds, harm: number, profile: BlipProfile) {
    this.#harm = harm;
    this.#overX = overX;
    const weight = familyWeights.status / classes.length;
    const safeBets = overX > wideTolerance ? { tolerance: overX } : {};
    this.#classes = classes.map((counts) => {
      const name = `status.${counts.name.replace('other 4xx', '4xx')}`;
      const spec = { name, weight, timesX, over: overX, odds, prior, certify: false, safeBets };
      const stream = new ComparedStream(spec, profile, () => counts.what);
      return { counts, rate: new RateTracker(), stream, a: 0, requestsX: 0, hitsX: 0 };
    });
    this.streams = this.#classes.map(({ stream }) => stream);
  }

  beginTick(nowMs: number, dtMs: number): void {
    this.#dtMs = dtMs;
    for (const tracked of this.#classes) {
      tracked.a = tracked.rate.plugIn();
      tracked.requestsX = 0;
      tracked.hitsX = 0;
      tracked.stream.beginTick(nowMs, dtMs);
    }
  }

  add({ epoch, x, y }: EpochSample): void {
    const answeredX = answeredBy(x);
    const answeredY = answeredBy(y);
    for (const tracked of this.#classes) {
      const { counts, stream, a } = tracked;
      const nX = counts.requests(x, answeredX);
      const kX = counts.hits(x);
      tracked.requestsX += nX;
      tracked.hitsX += kX;
      const nY = counts.requests(y, answeredY);
      const kY = counts.hits(y);
      stream.add(epoch, nX, kX, nY, kY, a);
      stream.addSafe(epoch, nX, kX, nY, kY, a);
    }
  }

  endTick(): void {
    for (const { rate, requestsX, hitsX } of this.#classes) rate.add(this.#dtMs, requestsX, hitsX);
  }

  resetRollout(nowMs: number): void {
    for (const stream of this.streams) stream.resetRollout(nowMs);
  }

  /**
   * The margin is never below the tolerance. What the comparison lets pass must be provable, or a step would
   * hold for ever.
   */
  resetStep(nextWeightPpm: number, nowMs: number): void {
    const margin = this.#marginFor(nextWeightPpm);
    for (const stream of this.streams) stream.resetStep(margin, nowMs);
  }

  requestsAfresh(nextWeightPpm: number, xPerY: number): number | null {
    const margin = this.#marginFor(nextWeightPpm);
    return mostRequests(this.streams.map((stream) => stream.requestsAfresh(margin, xPerY)));
  }

  #marginFor(nextWeightPpm: number): number {
    const atStake = (this.#harm * PPM) / Math.max(1, nextWeightPpm);
    return Math.max(this.#overX + acceptedBeyond, Math.min(atStake, marginMax));
  }

  forgetGains(nowMs: number): void {
    for (const stream of this.streams) stream.forgetGains(nowMs);
  }

  snapshot(): StatusSnapshot {
    return this.#classes.map(({ rate, stream }) => ({ rate: rate.snapshot(), stream: stream.snapshot() }));
  }

  restore(snapshot: StatusSnapshot): void {
    for (const [i, { rate, stream }] of this.#classes.entries()) {
      const saved = snapshot[i];
      if (saved === undefined) continue;
      rate.restore(saved.rate);
      stream.restore(saved.stream);
    }
  }
}
