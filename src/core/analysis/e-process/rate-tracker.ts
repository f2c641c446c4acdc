// X's rate of some outcome as it was until now: the plug-in `a` of the tests, and the measure of X's own
// health. Two exponential averages, because one alone is either noisy or blind for a minute after an outage
// of both clusters has ended.

const fastHalfLifeMs = 10_000;
const slowHalfLifeMs = 120_000;
/** The rate that is assumed before X was seen, and how many requests this assumption is worth. */
const priorRate = 1e-3;
const priorRequests = 100;
const halfEvent = 0.5;
const rateMin = 1e-6;
const rateMax = 0.999;

export interface RateSnapshot {
  readonly fast: readonly [number, number];
  readonly slow: readonly [number, number];
}

/**
 * Decayed counts of requests and of those with the outcome. It reads no clock: time comes in as a parameter.
 */
export class RateTracker {
  #fastRequests = 0;
  #fastHits = 0;
  #slowRequests = 0;
  #slowHits = 0;

  /** Lets `dtMs` pass and then adds one tick's counts. */
  add(dtMs: number, requests: number, hits: number): void {
    const fast = 2 ** (-dtMs / fastHalfLifeMs);
    const slow = 2 ** (-dtMs / slowHalfLifeMs);
    this.#fastRequests = this.#fastRequests * fast + requests;
    this.#fastHits = this.#fastHits * fast + hits;
    this.#slowRequests = this.#slowRequests * slow + requests;
    this.#slowHits = this.#slowHits * slow + hits;
  }

  /** Rate over the last ten seconds or so. */
  fastRate(): number {
    return (this.#fastHits + priorRate * priorRequests) / (this.#fastRequests + priorRequests);
  }

  /** Rate over the last two minutes or so. */
  slowRate(): number {
    return (this.#slowHits + priorRate * priorRequests) / (this.#slowRequests + priorRequests);
  }

  /**
   * The plug-in: the lower of the two rates, each with half an event on top for its noise; 1e-6..0.999.
   * Without the half event a cluster with a few hundred requests and no failure would pass for one in ten
   * thousand, and its next failure would cost all the evidence there is: at one request a second a total
   * failure took more than 6 requests in 4.7 % of the runs, now in 3.7 %.
   */
  plugIn(): number {
    const fast = this.fastRate() + halfEvent / (this.#fastRequests + priorRequests);
    const slow = this.slowRate() + halfEvent / (this.#slowRequests + priorRequests);
    return Math.min(rateMax, Math.max(rateMin, Math.min(fast, slow)));
  }

  snapshot(): RateSnapshot {
    return { fast: [this.#fastRequests, this.#fastHits], slow: [this.#slowRequests, this.#slowHits] };
  }

  restore(snapshot: RateSnapshot): void {
    [this.#fastRequests, this.#fastHits] = snapshot.fast;
    [this.#slowRequests, this.#slowHits] = snapshot.slow;
  }
}
