// Simulated traffic as the control loop sees it: counts by cluster and epoch, which are drawn for each tick
// rather than for each request. It replaces the workers' counters.
import type { Random } from '#src/base/random.ts';
import {
  ArmSample,
  type EpochSample,
  type SampleSource,
  type TickSample,
} from '#src/core/telemetry/sample.ts';
import { epochSlotCount, latencyQuantiles, PPM, tickMs, userBucketCount } from '#src/limits.ts';
import { type ArmConditions, type Conditions, newConditions, type SetConditions } from './conditions.ts';
import { drawBinomial, drawPoisson } from './draws.ts';
import { shiftOf } from './latency-shape.ts';
import type { VisibleSplit } from './simulated-split.ts';

/** A request without an answer fails after this time. */
const timeoutMs = 60_000;
const lateMs = 3_000;
const timeoutKind = 2;
/** Buckets between a latency and Kong's own part of it, which is a tenth. */
const kongShift = Math.round(shiftOf(10));

type ArmName = 'x' | 'y';

/** Requests of one tick that have no answer yet. */
interface Waiting {
  readonly epoch: number;
  readonly arm: ArmName;
  readonly count: number;
  readonly sinceMs: number;
  readonly failsAtMs: number;
  /** How many of the thresholds of slowness they have passed. */
  crossed: number;
}

interface SimulatedTrafficOptions {
  readonly random: Random;
  readonly setConditions: SetConditions;
  readonly split: VisibleSplit;
  /** Age at which a waiting request counts as slow. */
  readonly slowThresholdMs: (arm: ArmName, quantileIndex: number) => number;
  /** Time at which Y gets its first traffic, by the clock of the samples. */
  readonly startMs: number;
  /** Whether a route is parked on X; absent when none ever is. */
  readonly isParked?: (slot: number) => boolean;
}

/** Counts of what was sent so far. */
interface Sent {
  requestsY: number;
  failuresY: number;
  /** Failures that Y's requests had had on X, as an expectation. */
  expectedFailuresY: number;
}

export class SimulatedTraffic implements SampleSource {
  readonly sent: Sent = { requestsY: 0, failuresY: 0, expectedFailuresY: 0 };
  readonly #options: SimulatedTrafficOptions;
  readonly #now: Conditions = newConditions();
  readonly #pool: readonly EpochSample[];
  readonly #tick: TickSample = { atMs: 0, dtMs: 0, epochs: [] };
  #waiting: Waiting[] = [];

  constructor(options: SimulatedTrafficOptions) {
    this.#options = options;
    this.#pool = Array.from({ length: epochSlotCount }, () => ({
      epoch: -1,
      weightPpm: 0,
      x: new ArmSample(),
      y: new ArmSample(),
    }));
  }

  /** All requests since the last call, at the present split. */
  sample(atMs: number): TickSample {
    const tick = this.#tick;
    tick.dtMs = atMs - tick.atMs;
    tick.epochs.length = 0;
    for (let ms = tick.atMs + tickMs; ms <= atMs; ms += tickMs) this.#advance(ms);
    tick.atMs = atMs;
    tick.epochs.sort((a, b) => a.epoch - b.epoch);
    return tick;
  }

  #advance(atMs: number): void {
    const { random, setConditions, split, startMs } = this.#options;
    const now = this.#now;
    setConditions((atMs - startMs) / 1000, now);
    this.#leaveOutParked(now);
    const { epoch, weightPpm } = split.current();
    const entry = this.#entry(epoch);
    const heavy = now.users === null ? 0 : this.#sendHeavyUsers(now, entry, weightPpm / PPM);
    const requests = drawPoisson(random, (now.perSecond * (1 - heavy) * tickMs) / 1000);
    const requestsY = drawBinomial(random, requests, weightPpm / PPM);
    this.#send(entry, 'x', requests - requestsY, atMs);
    this.#send(entry, 'y', requestsY, atMs);
    this.#advanceWaiting(atMs);
  }

  /** Leaves out requests of parked routes: they go to X and count for neither arm. */
  #leaveOutParked(now: Conditions): void {
    const { isParked } = this.#options;
    const { routes } = now;
    if (routes === null || isParked === undefined) return;
    const compared = routes.shares.map((share, slot) => (share > 0 && isParked(slot) ? 0 : share));
    const left = compared.reduce((sum, share) => sum + share, 0);
    if (left > 1 - 1e-9) return;
    now.perSecond *= left;
    now.routes = { ...routes, shares: compared.map((share) => share / left) };
  }

  /** The sample of an epoch in this tick; it is empty at first. */
  #entry(epoch: number): EpochSample {
    const entry = this.#pool[epoch % epochSlotCount] as EpochSample;
    if (this.#tick.epochs.includes(entry)) return entry;
    entry.x.clear();
    entry.y.clear();
    entry.epoch = epoch;
    entry.weightPpm = this.#options.split.weightPpmAt(epoch);
    this.#tick.epochs.push(entry);
    return entry;
  }

  #send(entry: EpochSample, arm: ArmName, count: number, atMs: number): void {
    if (count === 0) return;
    const { random } = this.#options;
    const conditions = this.#now[arm];
    const hanging = drawBinomial(random, count, conditions.hanging);
    const late = drawBinomial(random, count - hanging, conditions.lateErrors);
    if (hanging > 0) this.#wait(entry.epoch, arm, hanging, atMs, timeoutMs);
    if (late > 0) this.#wait(entry.epoch, arm, late, atMs, lateMs);
    this.#answer(entry, arm, count - hanging - late, conditions);
    if (arm === 'y') {
      this.sent.requestsY += count;
      this.sent.expectedFailuresY += count * (this.#now.x.errors + this.#now.x.serviceErrors);
    }
  }

  #answer(entry: EpochSample, arm: ArmName, count: number, conditions: ArmConditions): void {
    const { random } = this.#options;
    const into = entry[arm];
    const own = this.#failures(into, arm, count, conditions.errors);
    const services = drawBinomial(random, count - own, conditions.serviceErrors);
    const failures = own + services;
    const successes = count - failures;
    const notFound = drawBinomial(random, successes, conditions.notFound);
    const redirects = drawBinomial(random, successes - notFound, 0.03);
    const unauthorized = drawBinomial(random, successes - notFound - redirects, 0.005);
    into.requests += count;
    into.failures += failures;
    addTo(into.status, 503, failures);
    addTo(into.status, 404, notFound);
    addTo(into.status, 302, redirects);
    addTo(into.status, 401, unauthorized);
    addTo(into.status, 200, successes - notFound - redirects - unauthorized);
    const shift = Math.round(shiftOf(conditions.slowdown));
    conditions.latency.addDraws(random, successes, shift, into.latency);
    if (arm === 'y') this.sent.failuresY += failures;
    if (!conditions.tellsMaker) return;
    into.kongFailures += own;
    into.serviceFailures += services;
    conditions.latency.addDraws(random, successes, shift - kongShift, into.kongLatency);
  }

  /** Draws failures, by route or by user where those are told apart. */
  #failures(into: ArmSample, arm: ArmName, count: number, rate: number): number {
    const { routes, users } = this.#now;
    if (routes !== null) {
      return this.#spread(count, routes.shares, into.routeRequests, into.routeFailures, (slot) =>
        arm === 'y' && slot === routes.failingSlot ? routes.failing : rate,
      );
    }
    if (users !== null) {
      return this.#spread(count, evenShares, into.userRequests, into.userFailures, () => rate);
    }
    return drawBinomial(this.#options.random, count, rate);
  }

  /**
   * Distributes requests over cells by their shares, draws failures in each, and returns the sum of the
   * failures.
   */
  #spread(
    count: number,
    shares: readonly number[],
    requests: Float64Array,
    failures: Float64Array,
    rateOf: (cell: number) => number,
  ): number {
    const { random } = this.#options;
    let left = count;
    let shareLeft = 1;
    let failed = 0;
    for (let cell = 0; cell < shares.length && left > 0; cell++) {
      const share = shares[cell] as number;
      const here = drawBinomial(random, left, Math.min(1, share / shareLeft));
      const failedHere = drawBinomial(random, here, rateOf(cell));
      addTo(requests, cell, here);
      addTo(failures, cell, failedHere);
      failed += failedHere;
      left -= here;
      shareLeft -= share;
    }
    return failed;
  }

  /** Sends the requests of heavy users and returns their share of the traffic. */
  #sendHeavyUsers(now: Conditions, entry: EpochSample, share: number): number {
    const { random } = this.#options;
    let total = 0;
    for (const user of now.users ?? []) {
      const arm = user.place < share ? 'y' : 'x';
      const count = drawPoisson(random, (now.perSecond * user.share * tickMs) / 1000);
      const failures = drawBinomial(random, count, user.errors);
      const into = entry[arm];
      into.requests += count;
      into.failures += failures;
      addTo(into.status, 503, failures);
      addTo(into.status, 200, count - failures);
      now[arm].latency.addDraws(random, count - failures, 0, into.latency);
      addTo(into.userRequests, user.bucket, count);
      addTo(into.userFailures, user.bucket, failures);
      if (arm === 'y') this.sent.requestsY += count;
      total += user.share;
    }
    return total;
  }

  #wait(epoch: number, arm: ArmName, count: number, sinceMs: number, forMs: number): void {
    this.#waiting.push({ epoch, arm, count, sinceMs, failsAtMs: sinceMs + forMs, crossed: 0 });
  }

  #advanceWaiting(atMs: number): void {
    if (this.#waiting.length === 0) return;
    const { split } = this.#options;
    const oldest = split.current().epoch - epochSlotCount;
    for (const waiting of this.#waiting) {
      // The outcome of a request from so old an epoch would count as stale.
      if (waiting.epoch <= oldest) continue;
      this.#cross(waiting, atMs);
      if (atMs >= waiting.failsAtMs) this.#fail(waiting);
    }
    this.#waiting = this.#waiting.filter(({ failsAtMs }) => failsAtMs > atMs);
  }

  #cross(waiting: Waiting, atMs: number): void {
    const { slowThresholdMs } = this.#options;
    while (waiting.crossed < latencyQuantiles.length) {
      if (!(atMs - waiting.sinceMs > slowThresholdMs(waiting.arm, waiting.crossed))) return;
      addTo(this.#entry(waiting.epoch)[waiting.arm].ageCrossed, waiting.crossed, waiting.count);
      waiting.crossed++;
    }
  }

  #fail({ epoch, arm, count, failsAtMs, sinceMs }: Waiting): void {
    const into = this.#entry(epoch)[arm];
    into.requests += count;
    into.failures += count;
    if (failsAtMs - sinceMs === timeoutMs) addTo(into.failuresByKind, timeoutKind, count);
    else addTo(into.status, 503, count);
    if (arm === 'y') this.sent.failuresY += count;
  }
}

const evenShares: readonly number[] = new Array<number>(userBucketCount).fill(1 / userBucketCount);

function addTo(counts: Float64Array, index: number, count: number): void {
  counts[index] = (counts[index] as number) + count;
}
