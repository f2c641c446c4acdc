// How many requests on Y a proof will still take, steadily. A forecast divides by the small difference between Y's rate and the
// margin, so that a few failures change it tenfold; what is averaged here is its inverse, the part of the whole proof that a
// request is worth, in which "never" is no more than a nought.

/** An earlier forecast counts for so much less by every doubling of what was seen, as a power of two. */
const forgetting = 5;
/** The average, which comes late when rates get worse, promises no less than this part of what they say, or of what was seen. */
const partMin = 1 / 3;
/** "Never" is believed when, by the average, the proof takes so many times what was seen already. */
const timesSeenMax = 20;

/** More digits would say more than is known. */
const rounded = (count: number): number => Number(Math.ceil(count).toPrecision(2));

export class Forecast {
  /** Part of the whole proof that a request on Y is worth; 0 before the first forecast. */
  #worth = 0;
  #seen = 0;

  reset(): void {
    this.#worth = 0;
    this.#seen = 0;
  }

  /**
   * Takes what a proof needs by the rates of this moment, beyond the `seen` requests on Y so far; null for never. Returns what
   * it needs on average, in two significant digits.
   */
  take(seen: number, needed: number | null): number | null {
    const worth = needed === null ? 0 : 1 / (seen + needed);
    // Nothing new on Y is no weight, unless all there was before was "never".
    const kept = this.#worth === 0 ? 0 : (this.#seen / seen) ** forgetting;
    this.#seen = seen;
    this.#worth = kept * this.#worth + (1 - kept) * worth;
    if (needed === null && this.#worth * seen * timesSeenMax < 1) return null;
    return rounded(Math.max(1 / this.#worth - seen, Math.min(needed ?? seen, seen) * partMin, 1));
  }
}
