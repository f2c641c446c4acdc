// Routes that have no slot of their own yet: which of them are seen often enough to be worth one. Bounded,
// because paths come from clients.
import { routeCandidatesMax, routeSightingsMin } from '#src/limits.ts';

export class RouteSightings {
  readonly #counts = new Map<number, number>();

  /**
   * Counts a sighting. True when the route was seen often enough to be reported, and again each time that it
   * was seen twice as often: there may have been no slot for it.
   */
  add(key: number): boolean {
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= routeCandidatesMax) this.#counts.clear();
    this.#counts.set(key, count);
    const doublings = Math.log2(count / routeSightingsMin);
    return doublings >= 0 && Number.isInteger(doublings);
  }
}
