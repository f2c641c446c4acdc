// Bounds the replays from Y on X, so that a failing Y cannot overload X: a share of Y's requests, plus a
// floor and a burst for the seconds until the breaker or the rollout acts. In the manner of Finagle's retry
// budgets.

/** Replays per second that are always allowed: without it low traffic could never be shielded. */
const floorPerSecond = 10;
/** Tokens saved up at most: three seconds of 300 failures/s, about the time until a revert. */
const burst = 1_000;

export class FailoverBudget {
  share: number;
  #tokens: number;
  #refilledAtMs: number;

  constructor(share: number, nowMs: number) {
    this.share = share;
    this.#tokens = burst;
    this.#refilledAtMs = nowMs;
  }

  /** A request was assigned to Y. */
  deposit(): void {
    if (this.#tokens < burst) this.#tokens += this.share;
  }

  /** Takes a replay out of the budget; false when it is spent. A share of 0 allows none. */
  withdraw(nowMs: number): boolean {
    if (this.share === 0) return false;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledAtMs) / 1000) * floorPerSecond);
    this.#refilledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
