// Whether Y is slower than X: at each quantile q, is a request on Y slower than r times X's own running
// quantile more often than a request on X is slower than that quantile? One quantile in each mode of a
// latency distribution matters: a shift of the slow tenth is invisible at the median. Successes only, and
// those that wait for longer than the threshold as soon as they do: a Y that hangs would yield no latencies
// at all.

import { capWeights, familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import { thresholdText } from '#src/core/analysis/verdict-text.ts';
import {
  bucketShift,
  DecayedHistogram,
  type DecayedHistogramSnapshot,
  latencyBucketIndex,
  suffixSums,
} from '#src/core/telemetry/histogram.ts';
import type { Attribution } from '#src/core/telemetry/outcome.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';
import { latencyBucketCount, latencyQuantiles, PPM } from '#src/limits.ts';
import { type CapSnapshot, CapStream } from './cap-stream.ts';
import { type BlipProfile, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import { LatencyQuantile, type LatencyTolerance } from './latency-quantile.ts';
import type { OnWorse } from './retest.ts';
import { type EvidenceStream, mostRequests, type StreamFamily } from './stream-family.ts';

export interface LatencyThresholds {
  readonly timesX: number;
  /** Slower counts only when it is by more than this as well, ms. */
  readonly overXMs: number;
  /** What happens when Y is slower; absent: revert. */
  readonly onWorse?: OnWorse;
  readonly maxMs: Readonly<Partial<Record<'p50' | 'p75' | 'p90' | 'p95' | 'p99', number>>>;
}

const quantileNames = ['p50', 'p75', 'p90', 'p95', 'p99'] as const;
const odds = [1.1, 1.2, 1.35, 1.6, 2, 3, 6, 20] as const;
/** By quantile: how much more often Y may be slower than its threshold, as a share of its requests. */
const over = [0.01, 0.0075, 0.005, 0.0025, 0.0005] as const;
/**
 * The same for an advance, with an accepted harm of 0.1 % of all traffic. With more accepted harm, more is
 * allowed.
 */
const safeMargins = [0.05, 0.04, 0.02, 0.01, 0.0008] as const;
const harmOfMargins = 0.001;
const marginMax = 0.3;
/**
 * Quantiles above this one need no proof for steps up to 5 %: it would take too many requests, compared with
 * what is at stake.
 */
const alwaysRequiredUpTo = 0.9;
const allRequiredAbovePpm = 50_000;
const halfLifeMs = 60_000;
/** Requests on X before there is a quantile to compare with. */
const requestsMin = 20;
const lastBucket = latencyBucketCount - 1;

/** How much slower Y may be for an advance: the more traffic it would get, the less. */
function safeFactor(nextWeightPpm: number): number {
  if (nextWeightPpm <= PPM / 10) return 1.5;
  return nextWeightPpm <= PPM / 2 ? 1.25 : 1.15;
}

/** What is counted at a quantile, without and with its thresholds of the moment. */
interface QuantileWords {
  readonly subject: string;
  readonly what: () => string;
}

export interface LatencySnapshot {
  readonly history: DecayedHistogramSnapshot;
  readonly safeShift: number;
  readonly quantiles: readonly {
    readonly stream: StreamSnapshot;
    readonly cap: CapSnapshot | null;
  }[];
}

export class LatencyStreams implements StreamFamily<LatencySnapshot> {
  readonly streams: readonly EvidenceStream[];
  /** The comparisons among them, without the caps. */
  readonly compared: readonly ComparedStream[];
  readonly #ofKong: boolean;
  readonly #marginScale: number;
  readonly #quantiles: readonly LatencyQuantile[];
  readonly #history = new DecayedHistogram(halfLifeMs);
  // Counts from each bucket on: of X's past, and of both arms in the epoch that is being added.
  readonly #past = new Float64Array(latencyBucketCount + 1);
  readonly #x = new Float64Array(latencyBucketCount + 1);
  readonly #y = new Float64Array(latencyBucketCount + 1);
  /** X's successes of this tick, all epochs. */
  readonly #tickX = new Float64Array(latencyBucketCount);
  #safeShift = bucketShift(safeFactor(PPM));
  #dtMs = 0;
  #compares = false;

  /** With `kong` only the time that Kong itself took counts, without that of the service behind it. */
  constructor(
    { timesX, overXMs, maxMs }: LatencyThresholds,
    profile: BlipProfile,
    attribution: Attribution = 'all',
    harm: number = harmOfMargins,
  ) {
    this.#marginScale = harm / harmOfMargins;
    this.#ofKong = attribution === 'kong';
    const tolerance = { shift: bucketShift(timesX), overXMs };
    this.#quantiles = quantileNames.map((name, index) =>
      makeQuantile(name, index, tolerance, maxMs[name] ?? null, profile, this.#words(name, index)),
    );
    this.compared = this.#quantiles.map(({ compared }) => compared);
    this.streams = this.#quantiles.flatMap((quantile) =>
      quantile.cap === null ? [quantile] : [quantile, quantile.cap],
    );
  }

  /**
   * Age in ms at which a waiting request of an arm counts as slow at quantile `index`; Infinity while
   * unknown. Valid for the ticks to come: what workers count by it comes back in `ageCrossed`. It is always
   * unknown where only Kong's time counts, because while a request waits nobody knows on whom.
   */
  slowThresholdMs(arm: 'x' | 'y', index: number): number {
    if (this.#ofKong) return Number.POSITIVE_INFINITY;
    return this.#quantiles[index]?.thresholdMs(arm) ?? Number.POSITIVE_INFINITY;
  }

  #words(name: string, index: number): QuantileWords {
    const slower = this.#ofKong ? 'requests that took Kong longer' : 'requests slower';
    const subject = `${slower} than X's ${name}`;
    const what = () => {
      const threshold = this.#quantiles[index]?.threshold() ?? null;
      return threshold === null ? subject : `${subject} (${thresholdText(threshold)})`;
    };
    return { subject, what };
  }

  /** Nothing is compared before Y is warm, since a cold cache is slow without being wrong. */
  beginTick(nowMs: number, dtMs: number, warm: boolean): void {
    this.#dtMs = dtMs;
    this.#tickX.fill(0);
    this.#history.suffixSums(this.#past);
    const total = this.#past[0] as number;
    this.#compares = warm && total >= requestsMin;
    for (const quantile of this.#quantiles) {
      quantile.compared.beginTick(nowMs, dtMs);
      quantile.cap?.beginTick(nowMs, dtMs);
      if (total >= requestsMin) quantile.learn(this.#past);
    }
  }

  add(sample: EpochSample): void {
    const x = this.#histogramOf(sample.x);
    for (let j = 0; j < latencyBucketCount; j++)
      this.#tickX[j] = (this.#tickX[j] as number) + (x[j] as number);
    if (!this.#compares) return;
    suffixSums(x, this.#x);
    suffixSums(this.#histogramOf(sample.y), this.#y);
    for (const quantile of this.#quantiles) this.#compare(quantile, sample);
  }

  #histogramOf(arm: ArmSample): Float64Array {
    return this.#ofKong ? arm.kongLatency : arm.latency;
  }

  #compare(quantile: LatencyQuantile, { epoch, weightPpm, x, y }: EpochSample): void {
    const { index, a, compared, cap, maxBucket } = quantile;
    const nX = this.#x[0] as number;
    const nY = this.#y[0] as number;
    const slowX = above(this.#x, quantile.bucket);
    const slowY = above(this.#y, quantile.bucketY);
    const waitingX = this.#ofKong ? 0 : waiting(x, index);
    const waitingY = this.#ofKong ? 0 : waiting(y, index);
    compared.add(
      epoch,
      Math.max(0, nX + waitingX),
      Math.max(0, slowX + waitingX),
      Math.max(0, nY + waitingY),
      Math.max(0, slowY + waitingY),
      a,
    );
    compared.expectLikeX(this.#likeX(quantile, this.#safeShift));
    compared.addSafe(epoch, nX, slowX, nY, above(this.#y, quantile.bucketAbove(this.#safeShift)), a);
    cap?.add(epoch, weightPpm, nX, above(this.#x, maxBucket), nY, above(this.#y, maxBucket), a);
  }

  endTick(): void {
    this.#history.decay(this.#dtMs);
    this.#history.add(this.#tickX);
  }

  resetRollout(nowMs: number): void {
    for (const { compared, cap } of this.#quantiles) {
      compared.resetRollout(nowMs);
      cap?.resetRollout(nowMs);
    }
  }

  resetStep(nextWeightPpm: number, nowMs: number): void {
    this.#safeShift = bucketShift(safeFactor(nextWeightPpm));
    for (const { index, q, compared, cap } of this.#quantiles) {
      compared.resetStep(isRequired(q, nextWeightPpm) ? this.#marginOf(index) : null, nowMs);
      cap?.resetStep();
    }
  }

  requestsAfresh(nextWeightPpm: number, xPerY: number): number | null {
    const required = this.#quantiles.filter(({ q }) => isRequired(q, nextWeightPpm));
    const shift = bucketShift(safeFactor(nextWeightPpm));
    return mostRequests(
      required.map((quantile) => {
        const likeX = this.#likeX(quantile, shift);
        return quantile.compared.requestsAfresh(this.#marginOf(quantile.index), xPerY, likeX);
      }),
    );
  }

  /** Share of X's own requests that would be slow by an advance's threshold for Y, as a part of `a`. */
  #likeX(quantile: LatencyQuantile, shift: number): number {
    if (quantile.bucket < 0) return 1;
    return above(this.#past, quantile.bucketAbove(shift)) / (quantile.a * (this.#past[0] as number));
  }

  #marginOf(index: number): number {
    return Math.min((safeMargins[index] as number) * this.#marginScale, marginMax);
  }

  forgetGains(nowMs: number): void {
    for (const { compared, cap } of this.#quantiles) {
      compared.forgetGains(nowMs);
      cap?.forgetGains(nowMs);
    }
  }

  snapshot(): LatencySnapshot {
    return {
      history: this.#history.snapshot(),
      safeShift: this.#safeShift,
      quantiles: this.#quantiles.map(({ compared, cap }) => ({
        stream: compared.snapshot(),
        cap: cap?.snapshot() ?? null,
      })),
    };
  }

  restore(snapshot: LatencySnapshot): void {
    this.#history.restore(snapshot.history);
    this.#safeShift = snapshot.safeShift;
    for (const [i, { compared, cap }] of this.#quantiles.entries()) {
      const saved = snapshot.quantiles[i];
      if (saved === undefined) continue;
      compared.restore(saved.stream);
      if (saved.cap !== null) cap?.restore(saved.cap);
    }
  }
}

/** Count above a bucket, from the sums; none above the last one. */
const above = (sums: Float64Array, bucket: number): number =>
  sums[Math.min(lastBucket, bucket) + 1] as number;

/**
 * Requests that became slow while they wait, without those that have succeeded since: these are in the
 * histogram now.
 */
const waiting = (arm: ArmSample, index: number): number =>
  (arm.ageCrossed[index] as number) - (arm.ageCrossedDone[index] as number);

function makeQuantile(
  name: (typeof quantileNames)[number],
  index: number,
  tolerance: LatencyTolerance,
  maxMs: number | null,
  profile: BlipProfile,
  { subject, what }: QuantileWords,
): LatencyQuantile {
  const q = latencyQuantiles[index] as number;
  const spec = {
    name: `latency.${name}`,
    subject,
    weight: familyWeights.latency / latencyQuantiles.length,
    timesX: 1,
    over: over[index] as number,
    odds,
    certify: false,
    safeBets: { isEasierOnY: true },
  };
  const capSpec = { name: `latency.${name}.max`, weight: capWeights.latencyEach, cap: 1 - q };
  const cap = maxMs === null ? null : new CapStream(capSpec, profile, `requests above ${maxMs} ms`);
  const maxBucket = maxMs === null ? lastBucket : latencyBucketIndex(maxMs);
  return new LatencyQuantile(
    { index, q },
    tolerance,
    new ComparedStream(spec, profile, what),
    cap,
    maxBucket,
  );
}

/** Whether an advance to that share takes proof at quantile `q`. */
const isRequired = (q: number, nextWeightPpm: number): boolean =>
  q <= alwaysRequiredUpTo || nextWeightPpm > allRequiredAbovePpm;
