// Failures come in clusters: a node dies, a queue overflows, a client retries. The tests treat requests as independent, so
// the evidence of each alternative is divided by how much more the counts vary from window to window than independent
// requests would, over the windows since that evidence began to rise. Dividing only shrinks positive evidence, which keeps
// the tests valid. One divisor for all, from the start of the strongest alternative, was tried first: no better against
// one-second bursts, but a total failure after five minutes of calm then took 70 s to find instead of 9 s.
import type { Clusters } from './evidence-bank.ts';
import type { ArmCounts } from './verdict.ts';

/** Windows that are kept; 3 minutes of 1-second windows. */
const windowsKept = 180;
/** Windows that are looked at, however young the evidence is: calm before a burst is what makes it a burst. */
const windowsMin = 10;
/** Windows with traffic on Y before anything may be reverted: fewer say nothing about variation. */
export const yWindowsMin = 3;
// Per window: nX, kX, nY, kY.
const width = 4;

export interface WindowRingSnapshot {
  readonly originMs: number;
  readonly last: number;
  readonly first: number;
  readonly yWindows: number;
  /** The windows in use, oldest first. */
  readonly counts: readonly number[];
}

/** Counts of both arms in consecutive windows of one length. Time is told, never read. */
export class WindowRing implements Clusters {
  readonly #windowMs: number;
  readonly #ring = new Float64Array(windowsKept * width);
  /** Numbers of the newest and of the oldest window in use; -1 before the first counts. */
  #last = -1;
  #first = -1;
  /** Windows with traffic on Y since the reset. */
  #yWindows = 0;
  /** Where window 0 begins. */
  #originMs = 0;
  /** The clusters of Y's failures alone, for evidence about Y alone. */
  readonly ofY: Clusters = { deflation: (sinceMs) => this.#deflationOfY(sinceMs) };

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Windows with traffic on Y that are over by `nowMs`. */
  yWindows(nowMs: number): number {
    const over = nowMs >= this.#originMs + (this.#last + 1) * this.#windowMs;
    const open = !over && this.#last >= 0 && (this.#ring[offset(this.#last) + 2] as number) > 0;
    return this.#yWindows - (open ? 1 : 0);
  }

  /** Forgets all windows; the first one begins at `nowMs`. */
  reset(nowMs: number): void {
    this.#originMs = nowMs;
    this.#last = -1;
    this.#first = -1;
    this.#yWindows = 0;
  }

  #windowAt(ms: number): number {
    return Math.max(0, Math.floor((ms - this.#originMs) / this.#windowMs));
  }

  /** Adds the counts of the time around `ms`. */
  add(ms: number, nX: number, kX: number, nY: number, kY: number): void {
    const at = this.#open(this.#windowAt(ms));
    const ring = this.#ring;
    if (nY > 0 && ring[at + 2] === 0) this.#yWindows++;
    ring[at] = (ring[at] as number) + nX;
    ring[at + 1] = (ring[at + 1] as number) + kX;
    ring[at + 2] = (ring[at + 2] as number) + nY;
    ring[at + 3] = (ring[at + 3] as number) + kY;
  }

  /** Clears the windows up to `window` and returns where its counts are. */
  #open(window: number): number {
    if (this.#last < 0) {
      this.#first = window;
      this.#last = window - 1;
    }
    const from = Math.max(this.#last + 1, window - windowsKept + 1);
    for (let v = from; v <= window; v++) this.#ring.fill(0, offset(v), offset(v) + width);
    this.#last = Math.max(this.#last, window);
    this.#first = Math.max(this.#first, this.#last - windowsKept + 1);
    return offset(this.#last);
  }

  /** Oldest window that evidence which began at `sinceMs` is judged by. */
  #oldest(sinceMs: number): number {
    const wanted = Math.min(this.#windowAt(sinceMs), this.#last - windowsMin + 1);
    return Math.max(this.#first, wanted);
  }

  /** Counts of the windows that evidence since `sinceMs` is judged by. */
  countsSince(sinceMs: number): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return { x: this.#armSince(0, sinceMs), y: this.#armSince(2, sinceMs) };
  }

  #armSince(column: 0 | 2, sinceMs: number): ArmCounts {
    const requests = this.sum(column, sinceMs);
    const failures = this.sum(column === 0 ? 1 : 3, sinceMs);
    return { requests, failures, rate: requests > 0 ? failures / requests : 0 };
  }

  /** Sum of one column (0 nX, 1 kX, 2 nY, 3 kY) over the windows that evidence since `sinceMs` is judged by. */
  sum(column: 0 | 1 | 2 | 3, sinceMs: number): number {
    let sum = 0;
    if (this.#last < 0) return sum;
    for (let v = this.#oldest(sinceMs); v <= this.#last; v++) sum += this.#ring[offset(v) + column] as number;
    return sum;
  }

  /**
   * Divisor (>= 1) for two-arm evidence since `sinceMs`: variance of Y's excess over the pooled rate between windows,
   * around its own mean, against the binomial variance.
   */
  deflation(sinceMs: number): number {
    const ring = this.#ring;
    const oldest = this.#oldest(sinceMs);
    const pX = this.sum(1, sinceMs) / Math.max(1, this.sum(0, sinceMs));
    const pY = this.sum(3, sinceMs) / Math.max(1, this.sum(2, sinceMs));
    let excess = 0;
    let leverage = 0;
    let variance = 0;
    for (let v = oldest; v <= this.#last; v++) {
      const nX = ring[offset(v)] as number;
      const nY = ring[offset(v) + 2] as number;
      if (nX + nY === 0) continue;
      const shareY = nY / (nX + nY);
      excess += this.#excess(v);
      leverage += nX * shareY;
      variance += (1 - shareY) ** 2 * nY * pY * (1 - pY) + shareY ** 2 * nX * pX * (1 - pX);
    }
    const mean = leverage > 0 ? excess / leverage : 0;
    let squares = 0;
    for (let v = oldest; v <= this.#last; v++) {
      const nX = ring[offset(v)] as number;
      const nY = ring[offset(v) + 2] as number;
      if (nX + nY > 0) squares += (this.#excess(v) - (mean * nX * nY) / (nX + nY)) ** 2;
    }
    return Math.max(1, (squares + 1) / (variance + 1));
  }

  /** Failures on Y in window `v` beyond its share of all failures in it. */
  #excess(v: number): number {
    const ring = this.#ring;
    const at = offset(v);
    const nY = ring[at + 2] as number;
    const kY = ring[at + 3] as number;
    return kY - (nY * ((ring[at + 1] as number) + kY)) / ((ring[at] as number) + nY);
  }

  /** Variance of Y's failures between windows against the binomial variance. */
  #deflationOfY(sinceMs: number): number {
    const pY = this.sum(3, sinceMs) / Math.max(1, this.sum(2, sinceMs));
    let squares = 0;
    let variance = 0;
    for (let v = this.#oldest(sinceMs); v <= this.#last; v++) {
      const at = offset(v);
      const nY = this.#ring[at + 2] as number;
      squares += ((this.#ring[at + 3] as number) - nY * pY) ** 2;
      variance += nY * pY * (1 - pY);
    }
    return Math.max(1, (squares + 1) / (variance + 1));
  }

  snapshot(): WindowRingSnapshot {
    const counts: number[] = [];
    if (this.#last >= 0)
      for (let v = this.#first; v <= this.#last; v++)
        counts.push(...this.#ring.subarray(offset(v), offset(v) + width));
    return {
      originMs: this.#originMs,
      last: this.#last,
      first: this.#first,
      yWindows: this.#yWindows,
      counts,
    };
  }

  restore(snapshot: WindowRingSnapshot): void {
    this.#originMs = snapshot.originMs;
    this.#last = snapshot.last;
    this.#first = snapshot.first;
    this.#yWindows = snapshot.yWindows;
    if (this.#last < 0) return;
    for (let v = this.#first; v <= this.#last; v++) {
      const at = (v - this.#first) * width;
      this.#ring.set(snapshot.counts.slice(at, at + width), offset(v));
    }
  }
}

/** The larger divisor of two ways to cluster; the first alone when nothing is known of the second. */
export function strongerOf(first: Clusters, second: Clusters | null): Clusters {
  if (second === null) return first;
  return { deflation: (sinceMs) => Math.max(first.deflation(sinceMs), second.deflation(sinceMs)) };
}

/** By how much evidence was divided, for the report. */
export const deflationBetween = (raw: number, deflated: number): number =>
  raw > 0 && deflated > 0 ? Math.max(1, raw / deflated) : 1;

const offset = (window: number): number => (window % windowsKept) * width;
