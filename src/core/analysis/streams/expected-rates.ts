// The failure rates by which a forecast says how long a proof will take. A step begins without counts, so a
// forecast starts from a Y that is like X, or as the steps before have shown it, and moves on to what this
// step counts.
import type { ArmCounts } from '#src/core/analysis/verdict.ts';

/** What a step has counted of both arms. */
interface Counts {
  readonly x: ArmCounts;
  readonly y: ArmCounts;
}

/** Shares 0..1 of an arm's requests. */
interface ExpectedPair {
  readonly x: number;
  readonly y: number;
}

/**
 * What is added to the counts, so that the first few failures do not make a forecast swing: requests at the
 * rate that is expected. X gets as many as have this many failures at the margin, 1,000 for a margin of one
 * point. Y gets at most as many as have this many failures at the rate expected of it. By X's rate alone it
 * would be a million requests where X has no failures, and no failure on Y would show in the forecast.
 */
const priorFailures = 10;
/**
 * The same for steps that are still to come: there the few failures of a small share would multiply the time
 * of all of them.
 */
const laterPriorFailures = 50;

export class ExpectedRates {
  /**
   * Y's rate as a part of X's if Y is like X: less than 1 where Y's threshold is easier to keep, as for an
   * advance by latency.
   */
  likeX = 1;
  /** Y's failures in the steps before, and those of a Y that is like X. */
  #failuresY = 0;
  #failuresLikeX = 0;

  reset(): void {
    this.#failuresY = 0;
    this.#failuresLikeX = 0;
  }

  /** Takes over what a step that ends has shown. */
  learn({ x, y }: Counts): void {
    this.#failuresY += y.failures;
    this.#failuresLikeX += y.requests * x.rate * this.likeX;
  }

  /** The rates by the counts of this step. `a` is X's rate as known before, above 0. */
  given({ x, y }: Counts, a: number, margin: number): ExpectedPair {
    const prior = priorFailures / margin;
    const rateX = rateWith(x, a, prior);
    const expected = rateX * this.likeX * this.#soFar(0, 0, priorFailures);
    return { x: rateX, y: rateWith(y, expected, Math.min(prior, priorFailures / expected)) };
  }

  /** The rates for a step to come, in which a Y that is like X has `likeX` times its rate. */
  later({ x, y }: Counts, a: number, margin: number, likeX: number): ExpectedPair {
    const rateX = rateWith(x, a, laterPriorFailures / margin);
    const soFar = this.#soFar(y.failures, y.requests * x.rate * this.likeX, laterPriorFailures);
    return { x: rateX, y: Math.min(1, rateX * likeX * soFar) };
  }

  /** Y's rate as a part of that of a Y that is like X, with this step's counts and a prior. */
  #soFar(failures: number, likeX: number, prior: number): number {
    return (this.#failuresY + failures + prior) / (this.#failuresLikeX + likeX + prior);
  }
}

/** An arm's rate with `requests` at the rate `prior` on top of what was counted. */
const rateWith = (arm: ArmCounts, prior: number, requests: number): number =>
  (arm.failures + prior * requests) / (arm.requests + requests);
