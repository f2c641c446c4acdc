// Which routes are counted on their own, under which slot, and which are parked on X. Routes come from
// configured patterns or from Kong when there are any; otherwise from what the workers see often. When every
// slot is taken, one whose route is hardly used any more is given to the next: paths come from clients, and
// the first of them must not have the slots for ever. Parking goes by name, because another process numbers
// the slots anew.

import type { RouteNames } from '#src/core/analysis/streams/tracked-routes.ts';
import type { RouteParking } from '#src/core/rollout/route-parking.ts';
import {
  nameOfSlot,
  type RoutePattern,
  type RouteSlots,
  routeKeyOfName,
} from '#src/core/routing/route-slots.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { routeIdleMs, routePatternsMax, routeSightingsMin, routesTrackedMax } from '#src/limits.ts';

export type UnplacedPattern = Omit<RoutePattern, 'slot'>;

export class RouteDirectory implements RouteNames, RouteParking {
  #slots: RouteSlots;
  #revision = 1;
  readonly #publish: (slots: RouteSlots) => void;
  readonly #parked: Int32Array;
  readonly #parkedNames = new Set<string>();
  /** Requests by slot in the span before this one and in this one, each of `routeIdleMs`. */
  readonly #before = new Float64Array(routesTrackedMax);
  readonly #now = new Float64Array(routesTrackedMax);
  /** When this span began, ms of the samples; -1 before the first sample. */
  #sinceMs = -1;
  /** Whether there was a whole span. */
  #isKnown = false;

  /** parked: the memory in which workers look up which route slots are parked on X. */
  constructor(slots: RouteSlots, parked: SharedArrayBuffer, publish: (slots: RouteSlots) => void) {
    this.#slots = slots;
    this.#parked = new Int32Array(parked);
    this.#publish = publish;
  }

  /** Changes with every name and every parking. */
  get revision(): number {
    return this.#revision;
  }

  /** A worker saw a route without a slot often. It gets one while there are any, or one that is idle. */
  seen(key: number, name: string): void {
    const slots = this.#slots;
    if (slots.kind !== 'derived' || slots.routes.some((route) => route.key === key)) return;
    const slot = slots.routes.length < routesTrackedMax ? slots.routes.length : this.#idleSlot();
    if (slot === -1) return;
    this.#before[slot] = routeSightingsMin;
    this.#now[slot] = 0;
    this.#set({
      kind: 'derived',
      routes: [...slots.routes.filter((route) => route.slot !== slot), { slot, name, key }],
    });
  }

  /** Takes the requests of a tick, to know which routes are idle. */
  observe({ atMs, epochs }: TickSample): void {
    if (this.#sinceMs === -1) this.#sinceMs = atMs;
    if (atMs - this.#sinceMs >= routeIdleMs) {
      this.#before.set(this.#now);
      this.#now.fill(0);
      this.#sinceMs = atMs;
      this.#isKnown = true;
    }
    for (const { x, y } of epochs)
      for (let slot = 0; slot < routesTrackedMax; slot++)
        this.#now[slot] =
          (this.#now[slot] as number) + (x.routeRequests[slot] as number) + (y.routeRequests[slot] as number);
  }

  /** The slot with the fewest requests, of those that are idle and not parked; -1 when there is none. */
  #idleSlot(): number {
    let idlest = -1;
    let fewest = routeSightingsMin;
    for (let slot = 0; this.#isKnown && slot < routesTrackedMax; slot++) {
      const requests = (this.#before[slot] as number) + (this.#now[slot] as number);
      if (requests >= fewest || this.isParked(slot)) continue;
      idlest = slot;
      fewest = requests;
    }
    return idlest;
  }

  /**
   * Counts by patterns from now on. The first pattern that matches a request counts; patterns with one name
   * are one route. Routes for which there is no slot count as other; returns how many these are. Does nothing
   * when the same patterns are in place.
   */
  usePatterns(patterns: readonly UnplacedPattern[]): number {
    const slotByName = new Map<string, number>();
    const names = new Set(patterns.map(({ name }) => name));
    const routes: RoutePattern[] = [];
    for (const pattern of patterns) {
      const slot = slotByName.get(pattern.name) ?? slotByName.size;
      if (slot >= routesTrackedMax || routes.length >= routePatternsMax) continue;
      slotByName.set(pattern.name, slot);
      routes.push({ ...pattern, slot });
    }
    const next: RouteSlots = { kind: 'patterns', routes };
    if (JSON.stringify(next) !== JSON.stringify(this.#slots)) this.#set(next);
    return names.size - slotByName.size;
  }

  /** Tells routes apart by host and first path segment from now on, beginning with none. */
  useSeen(): void {
    if (this.#slots.kind !== 'derived') this.#set({ kind: 'derived', routes: [] });
  }

  #set(slots: RouteSlots): void {
    this.#slots = slots;
    this.#parkSlots();
    this.#publish(this.#slots);
  }

  /** The slots as they are now; another object with every change. */
  get slots(): RouteSlots {
    return this.#slots;
  }

  /** Number of routes with a slot of their own, 0..64. */
  get count(): number {
    return new Set(this.#slots.routes.map(({ slot }) => slot)).size;
  }

  /** `all other routes` for what has no slot. */
  nameOf(slot: number): string {
    return nameOfSlot(this.#slots, slot);
  }

  isParked(slot: number): boolean {
    return Atomics.load(this.#parked, slot) === 1;
  }

  /** Sends all of a route to X from its next request on, or ends that. */
  park(name: string, isParked: boolean): void {
    if (isParked) this.#parkedNames.add(name);
    else this.#parkedNames.delete(name);
    this.#parkSlots();
  }

  replaceParked(names: readonly string[]): void {
    this.#parkedNames.clear();
    for (const name of names) this.#parkedNames.add(name);
    // Of derived routes none may have been seen yet, so the parked ones get their slots now. Patterns cannot
    // be known before they are read.
    if (this.#slots.kind === 'derived')
      for (const name of this.unknownParked()) this.seen(routeKeyOfName(name), name);
    this.#parkSlots();
  }

  /** Parked routes that have no slot: their requests go to Y. */
  unknownParked(): readonly string[] {
    const known = new Set(this.#slots.routes.map(({ name }) => name));
    return [...this.#parkedNames].filter((name) => !known.has(name));
  }

  /** Slots that get another route are parked or unparked before the workers hear of it. */
  #parkSlots(): void {
    const names = new Map(this.#slots.routes.map(({ slot, name }) => [slot, name]));
    for (let slot = 0; slot < this.#parked.length; slot++) {
      const name = names.get(slot);
      const isParked = name !== undefined && this.#parkedNames.has(name);
      Atomics.store(this.#parked, slot, isParked ? 1 : 0);
    }
    this.#revision++;
  }
}
