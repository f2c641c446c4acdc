// Errors route by route: the errors of a route that is broken on Y alone can be too few among those of all
// requests, and are found here. Each route has an equal share of the budget, whether it has traffic or not;
// what is not spent stays unspent.
//
// A stream that has gained nothing is left out of the combination, as if its evidence were 0: that only
// lowers the average, and spares the work of looking at calm routes. A slot that gets another route gives up
// what it has gained, because that spoke against the route before. The product of its blocks goes on, since
// each block was fair to the route that had the slot then.

import type { Clusters, CompactBankSnapshot } from '#src/core/analysis/e-process/evidence-bank.ts';
import { type RateSnapshot, RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { errorOdds } from '#src/core/analysis/e-process/stream-test.ts';
import { familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import type { StreamEvidence } from '#src/core/analysis/verdict.ts';
import type { EpochSample } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax } from '#src/limits.ts';
import type { AttributedFailures } from './attributed-failures.ts';
import { type BlipProfile, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import type { EvidenceStream, StreamFamily } from './stream-family.ts';
import type { TrackedRoutes } from './tracked-routes.ts';

const slotCount = routesTrackedMax + 1;
/** Slot of all routes without one of their own. */
export const otherSlot = routesTrackedMax;
/** Share of the budget of one route, and of all others together. */
export const routeWeight = familyWeights.routes / slotCount;
/**
 * Least tolerance: a tenth of a point. A route has few requests, and one failure of them is a large share.
 */
const overMin = 0.001;

/** What every route is compared by: the tolerance of all requests, or more. */
interface RouteTolerance {
  readonly timesX: number;
  readonly overX: number;
}

interface RouteSnapshot {
  readonly name: string;
  readonly rate: RateSnapshot;
  /** The whole stream while it speaks against the route, otherwise the least that keeps its test valid. */
  readonly stream: StreamSnapshot | null;
  readonly calm: CompactBankSnapshot | null;
}

export interface RoutesSnapshot {
  readonly nowMs: number;
  readonly routes: readonly RouteSnapshot[];
}

/** The errors of one route, under the name that it has now. */
export class RouteStream implements EvidenceStream {
  readonly slot: number;
  readonly compared: ComparedStream;
  readonly rate = new RateTracker();
  route: string;
  wasParked = false;
  /** Whether it has had any traffic. */
  isSeen = false;
  a = 0;
  requestsX = 0;
  failuresX = 0;

  constructor(
    slot: number,
    route: string,
    { timesX, overX }: RouteTolerance,
    profile: BlipProfile,
    users: Clusters,
  ) {
    this.slot = slot;
    this.route = route;
    const spec = {
      name: `route.${slot}`,
      weight: routeWeight,
      timesX,
      over: Math.max(overMin, overX),
      odds: errorOdds,
      certify: false,
    };
    this.compared = new ComparedStream(spec, profile, () => this.#what(), users);
  }

  get name(): string {
    return `route.${this.route}`;
  }

  #what(): string {
    return this.slot === otherSlot ? `${this.route}: errors` : `route ${this.route}: errors`;
  }

  evidence(): StreamEvidence {
    return { ...this.compared.evidence(), stream: this.name };
  }

  finding(): string {
    return this.compared.finding();
  }

  /** An advance takes proof for all requests together. For a single route there would be too few. */
  need(): null {
    return null;
  }
}

export class RouteStreams implements StreamFamily<RoutesSnapshot> {
  readonly #routes: TrackedRoutes;
  readonly #failures: AttributedFailures;
  readonly #all: readonly RouteStream[];
  /** Evidence of routes that a restart restored, until the route has its slot. */
  readonly #kept = new Map<string, RouteSnapshot>();
  #nowMs = 0;
  #dtMs = 0;

  /** users: how failures cluster by user over all routes; there is no such count by route. */
  constructor(
    routes: TrackedRoutes,
    failures: AttributedFailures,
    tolerance: RouteTolerance,
    profile: BlipProfile,
    users: Clusters,
  ) {
    this.#routes = routes;
    this.#failures = failures;
    this.#all = Array.from(
      { length: slotCount },
      (_, slot) => new RouteStream(slot, routes.nameOf(slot), tolerance, profile, users),
    );
  }

  /** Routes that are not parked and whose failures speak against Y. */
  get streams(): readonly RouteStream[] {
    return this.#all.filter(
      ({ isSeen, slot, compared }) => isSeen && !this.#routes.isParked(slot) && compared.rawLogEvidence() > 0,
    );
  }

  beginTick(nowMs: number, dtMs: number): void {
    this.#nowMs = nowMs;
    this.#dtMs = dtMs;
    for (const route of this.#all) {
      if (!route.isSeen) continue;
      route.a = route.rate.plugIn();
      route.requestsX = 0;
      route.failuresX = 0;
      route.compared.beginTick(nowMs, dtMs);
    }
  }

  /** Names or parking have changed. */
  routesChanged(nowMs: number): void {
    for (const route of this.#all) {
      this.#rename(route, nowMs);
      const isParked = this.#routes.isParked(route.slot);
      // Somebody took it back from X and knows why. What it has gained would park it again at once.
      if (route.wasParked && !isParked) route.compared.forgetGains(nowMs);
      route.wasParked = isParked;
    }
  }

  #rename(route: RouteStream, nowMs: number): void {
    const name = this.#routes.nameOf(route.slot);
    if (name === route.route) return;
    route.route = name;
    const kept = this.#kept.get(name);
    if (kept === undefined) {
      route.compared.forgetGains(nowMs);
      return;
    }
    this.#kept.delete(name);
    this.#restoreRoute(route, kept, nowMs);
  }

  add({ epoch, x, y }: EpochSample): void {
    if (!this.#failures.countsByRoute) return;
    for (let slot = 0; slot < slotCount; slot++) {
      const nX = x.routeRequests[slot] as number;
      const nY = y.routeRequests[slot] as number;
      if (nX + nY === 0 || this.#routes.isParked(slot)) continue;
      const route = this.#all[slot] as RouteStream;
      if (!route.isSeen) this.#see(route);
      // A body may be cut a tick after its head was counted: then there are more failures than requests.
      const kX = Math.min(nX, this.#failures.routeFailures(x, slot));
      const kY = Math.min(nY, this.#failures.routeFailures(y, slot));
      route.requestsX += nX;
      route.failuresX += kX;
      route.compared.add(epoch, nX, kX, nY, kY, route.a);
    }
  }

  #see(route: RouteStream): void {
    route.isSeen = true;
    route.a = route.rate.plugIn();
    route.compared.beginTick(this.#nowMs, this.#dtMs);
  }

  endTick(): void {
    for (const { isSeen, rate, requestsX, failuresX } of this.#all)
      if (isSeen) rate.add(this.#dtMs, requestsX, failuresX);
  }

  resetRollout(nowMs: number): void {
    for (const { compared } of this.#all) compared.resetRollout(nowMs);
  }

  resetStep(_nextWeightPpm: number, nowMs: number): void {
    for (const { compared } of this.#all) compared.resetStep(null, nowMs);
  }

  /** No route has to be proven. */
  requestsAfresh(): number {
    return 0;
  }

  /** Each route's evidence comes from its own failures, so another route's parking changes nothing here. */
  forgetGains(): void {}

  snapshot(): RoutesSnapshot {
    return { nowMs: this.#nowMs, routes: this.#all.filter(({ isSeen }) => isSeen).map(snapshotOf) };
  }

  restore({ nowMs, routes }: RoutesSnapshot): void {
    this.#nowMs = nowMs;
    this.#kept.clear();
    for (const one of routes) this.#kept.set(one.name, one);
    for (const route of this.#all) {
      const kept = this.#kept.get(route.route);
      if (kept === undefined) continue;
      this.#kept.delete(route.route);
      this.#restoreRoute(route, kept, nowMs);
    }
  }

  #restoreRoute(route: RouteStream, { rate, stream, calm }: RouteSnapshot, nowMs: number): void {
    route.isSeen = true;
    route.rate.restore(rate);
    if (stream !== null) route.compared.restore(stream);
    else if (calm !== null) route.compared.restoreCompact(calm, nowMs);
  }
}

function snapshotOf({ route, rate, compared }: RouteStream): RouteSnapshot {
  const isCalm = compared.rawLogEvidence() <= 0;
  return {
    name: route,
    rate: rate.snapshot(),
    stream: isCalm ? null : compared.snapshot(),
    calm: isCalm ? compared.compactSnapshot() : null,
  };
}
