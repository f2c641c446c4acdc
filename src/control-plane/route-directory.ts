// Which routes are counted on their own, and under which slot: Kong's routes or configured patterns when there are any, else
// those that the workers see often, first come first served. A slot stays with its route while the process runs.
import type { RoutePattern, RouteSlots } from '#src/core/routing/route-slots.ts';
import { routesTrackedMax } from '#src/limits.ts';
import { otherRouteSlot } from '#src/shared-memory/layout.ts';

export type UnplacedPattern = Omit<RoutePattern, 'slot'>;

export class RouteDirectory {
  #slots: RouteSlots;
  readonly #publish: (slots: RouteSlots) => void;
  readonly #parked: Int32Array;

  /** parked: the memory in which workers look up which route slots are parked on X. */
  constructor(slots: RouteSlots, parked: SharedArrayBuffer, publish: (slots: RouteSlots) => void) {
    this.#slots = slots;
    this.#parked = new Int32Array(parked);
    this.#publish = publish;
  }

  /** A worker saw a route without a slot often. It gets one while there are any. */
  seen(key: number, name: string): void {
    const slots = this.#slots;
    if (slots.kind !== 'derived' || slots.routes.length >= routesTrackedMax) return;
    if (slots.routes.some((route) => route.key === key)) return;
    this.#set({ kind: 'derived', routes: [...slots.routes, { slot: slots.routes.length, name, key }] });
  }

  /**
   * Counts by patterns from now on; the first that matches a request counts. Those beyond the slots there are count as
   * other. Returns how many were left out. Nothing happens when the same patterns are in place.
   */
  usePatterns(patterns: readonly UnplacedPattern[]): number {
    const routes = patterns.slice(0, routesTrackedMax).map((pattern, slot) => ({ ...pattern, slot }));
    const next: RouteSlots = { kind: 'patterns', routes };
    if (JSON.stringify(next) !== JSON.stringify(this.#slots)) this.#set(next);
    return patterns.length - routes.length;
  }

  #set(slots: RouteSlots): void {
    this.#slots = slots;
    this.#publish(slots);
  }

  /** Number of routes with a slot of their own, 0..64. */
  get count(): number {
    return this.#slots.routes.length;
  }

  /** `all other routes` for what has no slot. */
  nameOf(slot: number): string {
    if (slot === otherRouteSlot) return 'all other routes';
    return this.#slots.routes.find((route) => route.slot === slot)?.name ?? `route ${slot}`;
  }

  /** Sends a route's share of Y to X from its next request on, or ends that. */
  park(slot: number, parked: boolean): void {
    Atomics.store(this.#parked, slot, parked ? 1 : 0);
  }

  isParked(slot: number): boolean {
    return Atomics.load(this.#parked, slot) === 1;
  }

  unparkAll(): void {
    for (let slot = 0; slot < this.#parked.length; slot++) this.park(slot, false);
  }
}
