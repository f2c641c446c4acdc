// Under sticky routing the unit is the user, not the request: one client that fails all the time and is on Y
// looks like a worse Y. Users are hashed into sub-buckets. When Y's failures are in a few of them, they are
// the failures of a few users, and the evidence is divided by how much more the sub-buckets differ than
// independent requests would.
import { appendNumbers } from '#src/base/plain-numbers.ts';
import type { Clusters } from '#src/core/analysis/e-process/evidence-bank.ts';
import type { ArmSample } from '#src/core/telemetry/sample.ts';
import { userBucketCount } from '#src/limits.ts';

/** Windows that are kept: 3 minutes of 1-second windows, as many as for clusters in time. */
const windowsKept = 180;
/** Windows that are looked at, however young the evidence is. */
const windowsMin = 10;
// Per window: requests by sub-bucket, then failures.
const width = 2 * userBucketCount;

export interface UserClustersSnapshot {
  readonly originMs: number;
  readonly last: number;
  readonly first: number;
  /** The windows in use, oldest first; empty unless routing is sticky. */
  readonly counts: readonly number[];
}

/**
 * Y's requests and failures by sub-bucket of users in consecutive windows. All zero, and of no effect,
 * without stickiness.
 */
export class UserClusters implements Clusters {
  readonly #windowMs: number;
  readonly #ring = new Float64Array(windowsKept * width);
  readonly #sums = new Float64Array(width);
  #originMs = 0;
  /** Newest and oldest window in use; -1 before the first counts. */
  #last = -1;
  #first = -1;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  reset(nowMs: number): void {
    this.#originMs = nowMs;
    this.#last = -1;
    this.#first = -1;
  }

  #windowAt(ms: number): number {
    return Math.max(0, Math.floor((ms - this.#originMs) / this.#windowMs));
  }

  /** Adds Y's counts of the time around `ms`. */
  add(ms: number, y: ArmSample): void {
    if (!hasUsers(y)) return;
    const at = this.#open(this.#windowAt(ms));
    for (let bucket = 0; bucket < userBucketCount; bucket++) {
      const requests = at + bucket;
      const failures = requests + userBucketCount;
      this.#ring[requests] = (this.#ring[requests] as number) + (y.userRequests[bucket] as number);
      this.#ring[failures] = (this.#ring[failures] as number) + (y.userFailures[bucket] as number);
    }
  }

  /** Clears the windows up to `window` and returns where its counts are. */
  #open(window: number): number {
    if (this.#last < 0) {
      this.#first = window;
      this.#last = window - 1;
    }
    for (let v = Math.max(this.#last + 1, window - windowsKept + 1); v <= window; v++)
      this.#ring.fill(0, offset(v), offset(v) + width);
    this.#last = Math.max(this.#last, window);
    this.#first = Math.max(this.#first, this.#last - windowsKept + 1);
    return offset(this.#last);
  }

  /**
   * Variance of Y's failures between the sub-buckets, around its own rate, against that of independent
   * requests.
   */
  deflation(sinceMs: number): number {
    if (this.#last < 0) return 1;
    const oldest = Math.max(this.#first, Math.min(this.#windowAt(sinceMs), this.#last - windowsMin + 1));
    this.#sum(oldest);
    const sums = this.#sums;
    let requests = 0;
    let failures = 0;
    for (let bucket = 0; bucket < userBucketCount; bucket++) {
      requests += sums[bucket] as number;
      failures += sums[userBucketCount + bucket] as number;
    }
    if (requests === 0) return 1;
    const rate = Math.min(1, failures / requests);
    let squares = 0;
    for (let bucket = 0; bucket < userBucketCount; bucket++) {
      const excess = (sums[userBucketCount + bucket] as number) - rate * (sums[bucket] as number);
      squares += excess * excess;
    }
    const added = (squares + 1) / (requests * rate * (1 - rate) + 1) - 1;
    return 1 + Math.max(0, added) * this.#stretch(sinceMs, oldest);
  }

  /**
   * By which factor the evidence has been rising for longer than windows are kept. What users add to the
   * variance grows with the square of their requests, so as a ratio with time. Without this factor evidence
   * older than the windows would outgrow the division.
   */
  #stretch(sinceMs: number, oldest: number): number {
    const kept = this.#last - oldest + 1;
    return Math.max(1, (this.#last - this.#windowAt(sinceMs) + 1) / kept);
  }

  #sum(oldest: number): void {
    const sums = this.#sums.fill(0);
    for (let v = oldest; v <= this.#last; v++) {
      const at = offset(v);
      for (let i = 0; i < width; i++) sums[i] = (sums[i] as number) + (this.#ring[at + i] as number);
    }
  }

  snapshot(): UserClustersSnapshot {
    const counts: number[] = [];
    if (this.#last >= 0)
      for (let v = this.#first; v <= this.#last; v++)
        appendNumbers(counts, this.#ring, offset(v), offset(v) + width);
    return { originMs: this.#originMs, last: this.#last, first: this.#first, counts };
  }

  restore({ originMs, last, first, counts }: UserClustersSnapshot): void {
    this.#originMs = originMs;
    this.#last = last;
    this.#first = first;
    if (last < 0) return;
    for (let v = first; v <= last; v++) {
      const at = (v - first) * width;
      this.#ring.set(counts.slice(at, at + width), offset(v));
    }
  }
}

function hasUsers(arm: ArmSample): boolean {
  for (let bucket = 0; bucket < userBucketCount; bucket++) if (arm.userRequests[bucket] !== 0) return true;
  return false;
}

const offset = (window: number): number => (window % windowsKept) * width;
