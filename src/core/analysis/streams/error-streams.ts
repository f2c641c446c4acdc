// The error comparison, and the absolute cap on Y's errors.

import { UserClusters, type UserClustersSnapshot } from '#src/core/analysis/clustering/user-clusters.ts';
import { type RateSnapshot, RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { errorOdds } from '#src/core/analysis/e-process/stream-test.ts';
import { capWeights, familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import { errorRequests } from '#src/core/telemetry/outcome.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';
import { PPM } from '#src/limits.ts';
import type { AttributedFailures } from './attributed-failures.ts';
import { type CapSnapshot, CapStream } from './cap-stream.ts';
import { type BlipProfile, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import type { EvidenceStream, StreamFamily } from './stream-family.ts';
import type { TrackedRoutes } from './tracked-routes.ts';

export interface ErrorThresholds {
  readonly timesX: number;
  readonly overX: number;
  readonly max: number | null;
}

/** No step accepts a larger margin than this, however small its weight. */
const marginMax = 0.3;

/**
 * Weights of the alternatives. Gross failures give so much evidence in the three seconds before which nothing
 * is reverted that a small weight is enough for them. The rest goes to the small regressions, for which a nat
 * is five seconds: with equal weights half a point more took a quarter longer (95 of 100 runs). The last two
 * keep nearly an equal share for low traffic, where a total failure is to be found from six requests, three
 * nats each.
 */
const errorPrior = [0.06, 0.08, 0.12, 0.18, 0.18, 0.1, 0.05, 0.05, 0.09, 0.09] as const;

export interface ErrorSnapshot {
  readonly rate: RateSnapshot;
  readonly errors: StreamSnapshot;
  readonly cap: CapSnapshot | null;
  readonly users: UserClustersSnapshot;
}

/** What the streams need besides the numbers of all requests. */
interface ErrorScope {
  readonly failures: AttributedFailures;
  readonly routes: TrackedRoutes;
}

export class ErrorStreams implements StreamFamily<ErrorSnapshot> {
  readonly errors: ComparedStream;
  readonly streams: readonly EvidenceStream[];
  readonly #harm: number;
  readonly #cap: CapStream | null;
  readonly #rate = new RateTracker();
  readonly #failures: AttributedFailures;
  readonly #routes: TrackedRoutes;
  /** How failures cluster by user; routes have no such count of their own and use this one. */
  readonly users: UserClusters;
  #a = 0;
  #nowMs = 0;
  #dtMs = 0;
  #requestsX = 0;
  #failuresX = 0;

  constructor(
    { timesX, overX, max }: ErrorThresholds,
    harm: number,
    profile: BlipProfile,
    { failures, routes }: ErrorScope,
  ) {
    this.#harm = harm;
    this.#failures = failures;
    this.#routes = routes;
    this.users = new UserClusters(profile.windowMs);
    const spec = {
      name: 'errors',
      weight: familyWeights.errors,
      timesX,
      over: overX,
      odds: errorOdds,
      prior: errorPrior,
    };
    this.errors = new ComparedStream({ ...spec, certify: true }, profile, () => 'errors', this.users);
    this.#cap =
      max === null
        ? null
        : new CapStream(
            { name: 'errors.max', weight: capWeights.errors, cap: max },
            profile,
            'errors',
            this.users,
          );
    this.streams = this.#cap === null ? [this.errors] : [this.errors, this.#cap];
  }

  beginTick(nowMs: number, dtMs: number): void {
    this.#a = this.#rate.plugIn();
    this.#nowMs = nowMs;
    this.#dtMs = dtMs;
    this.#requestsX = 0;
    this.#failuresX = 0;
    this.errors.beginTick(nowMs, dtMs);
    this.#cap?.beginTick(nowMs, dtMs);
  }

  add({ epoch, weightPpm, x, y }: EpochSample): void {
    const nX = this.#requestsOf(x);
    const kX = Math.min(nX, this.#failuresOf(x));
    const nY = this.#requestsOf(y);
    const kY = Math.min(nY, this.#failuresOf(y));
    this.users.add(this.#nowMs - this.#dtMs / 2, y);
    this.#requestsX += nX;
    this.#failuresX += kX;
    this.errors.add(epoch, nX, kX, nY, kY, this.#a);
    this.errors.addSafe(epoch, nX, kX, nY, kY, this.#a);
    this.#cap?.add(epoch, weightPpm, nX, kX, nY, kY, this.#a);
  }

  /**
   * Requests of parked routes that were under way when they were parked are left out like those that came
   * after.
   */
  #requestsOf(arm: ArmSample): number {
    let requests = errorRequests(arm);
    const { parkedSlots } = this.#routes;
    for (let i = 0; i < parkedSlots.length; i++)
      requests -= arm.routeRequests[parkedSlots[i] as number] as number;
    return Math.max(0, requests);
  }

  #failuresOf(arm: ArmSample): number {
    let failures = this.#failures.failures(arm);
    const { parkedSlots } = this.#routes;
    for (let i = 0; i < parkedSlots.length; i++)
      failures -= this.#failures.routeFailures(arm, parkedSlots[i] as number);
    return Math.max(0, failures);
  }

  endTick(): void {
    this.#rate.add(this.#dtMs, this.#requestsX, this.#failuresX);
  }

  forgetGains(nowMs: number): void {
    this.errors.forgetGains(nowMs);
    this.#cap?.forgetGains(nowMs);
    this.users.reset(nowMs);
  }

  resetRollout(nowMs: number): void {
    this.users.reset(nowMs);
    this.errors.resetRollout(nowMs);
    this.#cap?.resetRollout(nowMs);
  }

  /**
   * The margin, as a share of Y's requests: so much worse on Y is, at the next weight, the accepted harm to
   * all traffic.
   */
  resetStep(nextWeightPpm: number, nowMs: number): void {
    this.errors.resetStep(this.#marginFor(nextWeightPpm), nowMs);
    this.#cap?.resetStep();
  }

  requestsAfresh(nextWeightPpm: number, xPerY: number): number | null {
    return this.errors.requestsAfresh(this.#marginFor(nextWeightPpm), xPerY);
  }

  #marginFor(nextWeightPpm: number): number {
    return Math.min((this.#harm * PPM) / Math.max(1, nextWeightPpm), marginMax);
  }

  snapshot(): ErrorSnapshot {
    return {
      rate: this.#rate.snapshot(),
      errors: this.errors.snapshot(),
      cap: this.#cap?.snapshot() ?? null,
      users: this.users.snapshot(),
    };
  }

  restore(snapshot: ErrorSnapshot): void {
    this.#rate.restore(snapshot.rate);
    this.errors.restore(snapshot.errors);
    this.users.restore(snapshot.users);
    if (snapshot.cap !== null) this.#cap?.restore(snapshot.cap);
  }
}
