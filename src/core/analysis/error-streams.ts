// The error comparison, and the absolute cap on Y's errors.
import { errorFailures, errorRequests } from '#src/core/telemetry/outcome.ts';
import type { EpochSample } from '#src/core/telemetry/sample.ts';
import { PPM } from '#src/limits.ts';
import { type CapSnapshot, CapStream } from './cap-stream.ts';
import { capWeights, familyWeights } from './combine.ts';
import { type BlipProfile, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import { type RateSnapshot, RateTracker } from './rate-tracker.ts';
import type { JudgedStream, StreamFamily } from './stream-family.ts';
import { errorOdds } from './stream-test.ts';

export interface ErrorThresholds {
  readonly timesX: number;
  readonly overX: number;
  readonly max: number | null;
}

/** No step accepts a larger margin than this, however small its weight. */
const marginMax = 0.3;

export interface ErrorSnapshot {
  readonly rate: RateSnapshot;
  readonly errors: StreamSnapshot;
  readonly cap: CapSnapshot | null;
}

export class ErrorStreams implements StreamFamily<ErrorSnapshot> {
  readonly errors: ComparedStream;
  readonly streams: readonly JudgedStream[];
  readonly #harm: number;
  readonly #cap: CapStream | null;
  readonly #rate = new RateTracker();
  #a = 0;
  #dtMs = 0;
  #requestsX = 0;
  #failuresX = 0;

  constructor({ timesX, overX, max }: ErrorThresholds, harm: number, profile: BlipProfile) {
    this.#harm = harm;
    const spec = { name: 'errors', weight: familyWeights.errors, timesX, over: overX, odds: errorOdds };
    this.errors = new ComparedStream({ ...spec, certify: true }, profile, () => 'errors');
    this.#cap =
      max === null
        ? null
        : new CapStream({ name: 'errors.max', weight: capWeights.errors, cap: max }, profile, 'errors');
    this.streams = this.#cap === null ? [this.errors] : [this.errors, this.#cap];
  }

  beginTick(nowMs: number, dtMs: number): void {
    this.#a = this.#rate.plugIn();
    this.#dtMs = dtMs;
    this.#requestsX = 0;
    this.#failuresX = 0;
    this.errors.beginTick(nowMs, dtMs);
    this.#cap?.beginTick(nowMs, dtMs);
  }

  add({ epoch, weightPpm, x, y }: EpochSample): void {
    const nX = errorRequests(x);
    const kX = errorFailures(x);
    const nY = errorRequests(y);
    const kY = errorFailures(y);
    this.#requestsX += nX;
    this.#failuresX += kX;
    this.errors.add(epoch, nX, kX, nY, kY, this.#a);
    this.errors.addSafe(epoch, nX, kX, nY, kY, this.#a);
    this.#cap?.add(epoch, weightPpm, nX, kX, nY, kY, this.#a);
  }

  endTick(): void {
    this.#rate.add(this.#dtMs, this.#requestsX, this.#failuresX);
  }

  resetRollout(nowMs: number): void {
    this.errors.resetRollout(nowMs);
    this.#cap?.resetRollout(nowMs);
  }

  /** Y may be worse by so much, as a share of its requests, as costs all traffic no more than the accepted harm. */
  resetStep(nextWeightPpm: number, nowMs: number): void {
    const margin = Math.min((this.#harm * PPM) / Math.max(1, nextWeightPpm), marginMax);
    this.errors.resetStep(margin, nowMs);
    this.#cap?.resetStep();
  }

  snapshot(): ErrorSnapshot {
    return {
      rate: this.#rate.snapshot(),
      errors: this.errors.snapshot(),
      cap: this.#cap?.snapshot() ?? null,
    };
  }

  restore(snapshot: ErrorSnapshot): void {
    this.#rate.restore(snapshot.rate);
    this.errors.restore(snapshot.errors);
    if (snapshot.cap !== null) this.#cap?.restore(snapshot.cap);
  }
}
