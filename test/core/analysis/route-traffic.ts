// Simulated traffic of several routes and users for tests of the analysis: seeded, in ticks of counts,
// without waiting.
import { createRandom, type Random } from '#src/base/random.ts';
import { Analysis, type AssessContext } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { RouteNames } from '#src/core/analysis/streams/tracked-routes.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { PPM, routesTrackedMax, tickMs } from '#src/limits.ts';
import { binomial, emptyEpoch, thresholds } from './traffic.ts';

export interface SimulatedRoute {
  readonly name: string;
  /** Share of all requests. */
  readonly share: number;
  readonly pX: number;
  readonly pY: number;
}

/** A client that sends more than others, and fails. It stays on one cluster. */
export interface HeavyUser {
  readonly requestsPerSecond: number;
  readonly failureRate: number;
  readonly isOnY: boolean;
  /** Its sub-bucket, 0..15. */
  readonly bucket: number;
}

/** Names of the simulated routes, which a test may park. */
export class SimulatedNames implements RouteNames {
  revision = 1;
  readonly names: string[];
  readonly parked = new Set<string>();

  constructor(names: string[]) {
    this.names = names;
  }

  nameOf(slot: number): string {
    return slot === routesTrackedMax ? 'all other routes' : (this.names[slot] ?? `route ${slot}`);
  }

  isParked(slot: number): boolean {
    return this.parked.has(this.nameOf(slot));
  }

  park(name: string, isParked: boolean): void {
    if (isParked) this.parked.add(name);
    else this.parked.delete(name);
    this.revision++;
  }
}

export interface RouteScenario {
  readonly seed: number;
  readonly routes: readonly SimulatedRoute[];
  readonly users?: readonly HeavyUser[];
  readonly isSticky?: boolean;
  readonly rps?: number;
  /** Y's share. */
  readonly weight?: number;
  readonly thresholds?: Partial<AnalysisThresholds>;
}

export class RouteTraffic {
  readonly names: SimulatedNames;
  readonly analysis: Analysis;
  readonly tick: TickSample = { atMs: 0, dtMs: tickMs, epochs: [emptyEpoch(1, 0)] };
  routes: readonly SimulatedRoute[];
  readonly #scenario: RouteScenario;
  readonly #random: Random;
  #isSplit = false;

  /** A minute of X alone; then both arms. */
  constructor(scenario: RouteScenario) {
    this.#scenario = scenario;
    this.routes = scenario.routes;
    this.#random = createRandom(scenario.seed);
    this.names = new SimulatedNames(scenario.routes.map(({ name }) => name));
    this.analysis = new Analysis({ ...thresholds, ...scenario.thresholds }, this.names);
    for (let ms = 0; ms < 60_000; ms += tickMs) this.next();
    this.#isSplit = true;
    const { weight = 0.1 } = scenario;
    this.tick.epochs.splice(0, 1, emptyEpoch(2, weight * PPM));
    this.analysis.resetRollout(this.tick.atMs);
    this.analysis.resetStep(PPM, this.tick.atMs);
  }

  /** One tick of traffic, taken by the analysis. */
  next(): void {
    const { rps = 1000, weight = 0.1, users = [] } = this.#scenario;
    const [epoch] = this.tick.epochs;
    if (epoch === undefined) throw new Error('a tick needs an epoch');
    this.tick.atMs += tickMs;
    clear(epoch.x);
    clear(epoch.y);
    for (const [slot, { name, share, pX, pY }] of this.routes.entries()) {
      if (this.names.parked.has(name)) continue;
      const n = this.#arrivals((rps * share * tickMs) / 1000);
      const nY = this.#isSplit ? binomial(this.#random, n, weight) : 0;
      this.#count(epoch.x, slot, n - nY, binomial(this.#random, n - nY, pX));
      this.#count(epoch.y, slot, nY, binomial(this.#random, nY, pY));
    }
    for (const { requestsPerSecond, failureRate, isOnY, bucket } of users) {
      if (!this.#isSplit) continue;
      const n = this.#arrivals((requestsPerSecond * tickMs) / 1000);
      this.#count(isOnY ? epoch.y : epoch.x, 0, n, binomial(this.#random, n, failureRate), bucket);
    }
    this.analysis.update(this.tick);
  }

  /** Without a bucket, the requests are those of users without number, and in all sub-buckets. */
  #count(arm: ArmSample, slot: number, n: number, k: number, bucket: number | null = null): void {
    arm.requests += n;
    arm.failures += k;
    add(arm.status, 200, n - k);
    add(arm.routeRequests, slot, n);
    add(arm.routeFailures, slot, k);
    if (this.#scenario.isSticky !== true) return;
    for (let i = 0; i < n; i++) {
      const at = bucket ?? Math.floor(16 * this.#random.next());
      add(arm.userRequests, at, 1);
      if (i < k) add(arm.userFailures, at, 1);
    }
  }

  /** Requests of a tick around a mean. */
  #arrivals(mean: number): number {
    const spread = 4 * Math.ceil(mean + 1);
    return binomial(this.#random, spread, mean / spread);
  }

  assess(context: AssessContext = { goal: 'step' }): Verdict {
    return this.analysis.assess(context);
  }

  /** Up to `seconds` of traffic; stops at the first verdict that passes, and says when that was. */
  until(seconds: number, context: AssessContext, stop: (verdict: Verdict) => boolean): Ended {
    for (let ms = tickMs; ms <= seconds * 1000; ms += tickMs) {
      this.next();
      const verdict = this.assess(context);
      if (stop(verdict)) return { stopped: true, seconds: ms / 1000, verdict };
    }
    return { stopped: false, seconds, verdict: this.assess(context) };
  }
}

export interface Ended {
  readonly stopped: boolean;
  readonly seconds: number;
  readonly verdict: Verdict;
}

export const isRevert = ({ decision }: Verdict): boolean => decision === 'revert';

/** Routes of equal share, named r0, r1, … */
export const equalRoutes = (count: number, rate = 0.001): SimulatedRoute[] =>
  Array.from({ length: count }, (_, i) => ({ name: `r${i}`, share: 1 / count, pX: rate, pY: rate }));

function clear(arm: ArmSample): void {
  arm.requests = 0;
  arm.failures = 0;
  arm.status[200] = 0;
  for (const counts of [arm.routeRequests, arm.routeFailures, arm.userRequests, arm.userFailures])
    counts.fill(0);
}

function add(counts: Float64Array, at: number, n: number): void {
  counts[at] = (counts[at] as number) + n;
}
