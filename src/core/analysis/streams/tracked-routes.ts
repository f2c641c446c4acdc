// Which route is counted under which slot, and which routes are parked on X and therefore not compared. The
// analysis asks on every tick, so names are looked up again only when something has changed.
import { routesTrackedMax } from '#src/limits.ts';

/** Where names and parking come from: the control plane's directory in production. */
export interface RouteNames {
  /** Changes whenever a name or the parking of a slot does. */
  readonly revision: number;
  nameOf(slot: number): string;
  isParked(slot: number): boolean;
}

/** Routes that nobody has named and that are never parked. */
export const unnamedRoutes: RouteNames = {
  revision: 0,
  nameOf: (slot) => (slot === routesTrackedMax ? 'all other routes' : `route ${slot}`),
  isParked: () => false,
};

export class TrackedRoutes {
  readonly #names: RouteNames;
  #revision = Number.NaN;
  readonly #nameBySlot: string[] = [];
  readonly #parkedBySlot: boolean[] = [];
  /** Slots of the parked routes. */
  parkedSlots: readonly number[] = [];

  constructor(names: RouteNames) {
    this.#names = names;
  }

  /** Takes over what has changed. Returns whether anything has. */
  refresh(): boolean {
    if (this.#revision === this.#names.revision) return false;
    this.#revision = this.#names.revision;
    for (let slot = 0; slot <= routesTrackedMax; slot++) {
      this.#nameBySlot[slot] = this.#names.nameOf(slot);
      this.#parkedBySlot[slot] = this.#names.isParked(slot);
    }
    this.parkedSlots = this.#parkedBySlot.flatMap((isParked, slot) => (isParked ? [slot] : []));
    return true;
  }

  nameOf(slot: number): string {
    return this.#nameBySlot[slot] ?? this.#names.nameOf(slot);
  }

  isParked(slot: number): boolean {
    return this.#parkedBySlot[slot] === true;
  }
}
