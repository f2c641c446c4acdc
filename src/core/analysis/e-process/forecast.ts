// How many requests on Y a proof will still take, as a steady figure. A forecast divides by the small
// difference between Y's rate and the margin, so a few failures change it tenfold. What is averaged here is
// its inverse, the part of the whole proof that one request is worth. In that, "never" is simply 0.

/** How much less an earlier forecast counts for each doubling of what was seen, as a power of two. */
const forgetting = 5;
/**
 * The average lags when rates get worse. So it never promises less than this part of the present forecast, or
 * of what was seen.
 */
const partMin = 1 / 3;
/** "Never" is believed when, by the average, the proof takes this many times what was seen already. */
const timesSeenMax = 20;

/** More digits would claim more than is known. */
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
   * Takes what a proof needs at the present rates beyond the `seen` requests on Y; null for never. Returns
   * what it needs on average, with two significant digits.
   */
  take(seen: number, needed: number | null): number | null {
    const worth = needed === null ? 0 : 1 / (seen + needed);
    // Without new requests on Y the forecast gets no weight, unless all forecasts before were "never".
    const kept = this.#worth === 0 ? 0 : (this.#seen / seen) ** forgetting;
    this.#seen = seen;
    this.#worth = kept * this.#worth + (1 - kept) * worth;
    if (needed === null && this.#worth * seen * timesSeenMax < 1) return null;
    return rounded(Math.max(1 / this.#worth - seen, Math.min(needed ?? seen, seen) * partMin, 1));
  }
}
