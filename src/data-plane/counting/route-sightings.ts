// Routes that have no slot of their own yet: which of them are seen often enough to be worth one. Bounded,
// because paths come from clients.
import { routeCandidatesMax, routeSightingsMin } from '#src/limits.ts';

export class RouteSightings {
  readonly #counts = new Map<number, number>();

  /** Counts a sighting. True once, when the route was seen often enough to be reported. */
  add(key: number): boolean {
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count > routeSightingsMin) return false;
    if (count === 1 && this.#counts.size >= routeCandidatesMax) this.#counts.clear();
    this.#counts.set(key, count);
    return count === routeSightingsMin;
  }
}
