// Failures come in clusters: a node dies, a queue overflows, a client retries. The tests treat requests as
// independent, so the evidence of each alternative is divided by how much more the counts vary from window to
// window than independent requests would, over the windows since that evidence began to rise. Dividing only
// shrinks positive evidence, which keeps the tests valid. One divisor for all, from the start of the
// strongest alternative, was tried first: no better against one-second bursts, but a total failure after five
// minutes of calm then took 70 s to find instead of 9 s.
import { appendNumbers } from '#src/base/plain-numbers.ts';
import type { Clusters } from '#src/core/analysis/e-process/evidence-bank.ts';
import type { ArmCounts } from '#src/core/analysis/verdict.ts';
import { PastWindows, type PastWindowsSnapshot } from './past-windows.ts';
import { addWindow, deflationOf, deflationOfY, windowSumCount } from './window-sums.ts';

/** Windows that are kept; 3 minutes of 1-second windows. */
const windowsKept = 180;
/**
 * Windows that are looked at, however young the evidence is, because it takes calm before a burst to see that
 * it is one. With seven a total failure after five minutes of calm is found in 6 s, with ten it took 9 s.
 */
const windowsMin = 7;
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
  /** Windows that have left the ring; absent in what earlier versions kept. */
  readonly past?: PastWindowsSnapshot | null;
}

/**
 * Counts of both arms in consecutive windows of one length. It reads no clock: time comes in as a parameter.
 */
export class WindowRing implements Clusters {
  readonly #windowMs: number;
  readonly #ring = new Float64Array(windowsKept * width);
  /** What has left the ring. */
  readonly #past = new PastWindows();
  readonly #sums = new Float64Array(windowSumCount);
  /** Numbers of the newest and of the oldest window in use; -1 before the first counts. */
  #last = -1;
  #first = -1;
  /** Windows with traffic on Y since the reset. */
  #yWindows = 0;
  /** Where window 0 begins. */
  #originMs = 0;
  /** The clusters of Y's failures alone, for evidence about Y alone. */
  readonly ofY: Clusters = { deflation: (sinceMs) => deflationOfY(this.#sumsSince(sinceMs)) };

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
    this.#past.clear();
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
    const leaving = Math.min(this.#last, window - windowsKept);
    for (let v = this.#first; v <= leaving; v++) this.#past.add(v, this.#ring, offset(v));
    const from = Math.max(this.#last + 1, window - windowsKept + 1);
    for (let v = from; v <= window; v++) this.#ring.fill(0, offset(v), offset(v) + width);
    this.#last = Math.max(this.#last, window);
    this.#first = Math.max(this.#first, this.#last - windowsKept + 1);
    return offset(this.#last);
  }

  /** Oldest window to compare evidence with that began at `sinceMs`. */
  #oldest(sinceMs: number): number {
    const wanted = Math.min(this.#windowAt(sinceMs), this.#last - windowsMin + 1);
    return Math.max(this.#first, wanted);
  }

  /** Counts of the windows to compare evidence with that began at `sinceMs`. */
  countsSince(sinceMs: number): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return { x: this.#armSince(0, sinceMs), y: this.#armSince(2, sinceMs) };
  }

  #armSince(column: 0 | 2, sinceMs: number): ArmCounts {
    const requests = this.sum(column, sinceMs);
    const failures = this.sum(column === 0 ? 1 : 3, sinceMs);
    return { requests, failures, rate: requests > 0 ? failures / requests : 0 };
  }

  /**
   * Sum of one column (0 nX, 1 kX, 2 nY, 3 kY) over the windows to compare evidence with that began at
   * `sinceMs`.
   */
  sum(column: 0 | 1 | 2 | 3, sinceMs: number): number {
    let sum = 0;
    if (this.#last < 0) return sum;
    for (let v = this.#oldest(sinceMs); v <= this.#last; v++) sum += this.#ring[offset(v) + column] as number;
    return sum;
  }

  /** Divisor (>= 1) for two-arm evidence since `sinceMs`. */
  deflation(sinceMs: number): number {
    return deflationOf(this.#sumsSince(sinceMs));
  }

  /**
   * The windows to compare evidence with that began at `sinceMs`, and the groups of older ones where it began
   * before them.
   */
  #sumsSince(sinceMs: number): Float64Array {
    const sums = this.#sums.fill(0);
    if (this.#last < 0) return sums;
    const oldest = this.#oldest(sinceMs);
    for (let v = oldest; v <= this.#last; v++) addWindow(this.#ring, offset(v), sums, 0);
    const since = this.#windowAt(sinceMs);
    if (since < oldest) this.#past.addSince(since, sums);
    return sums;
  }

  snapshot(): WindowRingSnapshot {
    const counts: number[] = [];
    if (this.#last >= 0)
      for (let v = this.#first; v <= this.#last; v++)
        appendNumbers(counts, this.#ring, offset(v), offset(v) + width);
    return {
      originMs: this.#originMs,
      last: this.#last,
      first: this.#first,
      yWindows: this.#yWindows,
      counts,
      past: this.#past.snapshot(),
    };
  }

  restore(snapshot: WindowRingSnapshot): void {
    this.#originMs = snapshot.originMs;
    this.#last = snapshot.last;
    this.#first = snapshot.first;
    this.#yWindows = snapshot.yWindows;
    this.#past.restore(snapshot.past ?? null);
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
