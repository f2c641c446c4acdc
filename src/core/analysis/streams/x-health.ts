// Whether X itself is well: nothing advances while it is not. Compares X's error rate of the last seconds
// with what is usual for it, and learns what is usual mostly from when it was well, so that a long outage
// does not come to count as usual.
import { type RateSnapshot, RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';

/** X counts as unhealthy above this rate when that is also a multiple of what is usual. */
const unhealthyRate = 0.01;
const unhealthyTimes = 5;
/**
 * How much more slowly the usual rate is learnt while X is unhealthy. A lasting change becomes usual
 * nevertheless.
 */
const learningWhileUnhealthy = 0.1;

export class XHealth {
  readonly #now = new RateTracker();
  readonly #usual = new RateTracker();

  /** Lets `dtMs` pass and then adds one tick's counts of X. */
  add(dtMs: number, requests: number, failures: number): void {
    this.#now.add(dtMs, requests, failures);
    const learning = this.healthy() ? 1 : learningWhileUnhealthy;
    this.#usual.add(dtMs * learning, requests * learning, failures * learning);
  }

  healthy(): boolean {
    return this.rate() <= Math.max(unhealthyTimes * this.usualRate(), unhealthyRate);
  }

  /** X's error rate over the last ten seconds or so. */
  rate(): number {
    return this.#now.fastRate();
  }

  /** What is usual for X: over the last two minutes or so of good health. */
  usualRate(): number {
    return this.#usual.slowRate();
  }

  snapshot(): { readonly now: RateSnapshot; readonly usual: RateSnapshot } {
    return { now: this.#now.snapshot(), usual: this.#usual.snapshot() };
  }

  restore(snapshot: ReturnType<XHealth['snapshot']>): void {
    this.#now.restore(snapshot.now);
    this.#usual.restore(snapshot.usual);
  }
}
