// Requests waiting for a response head, oldest first, so that a request counts as slow when its age crosses a threshold and
// not when it ends: a hanging Y would otherwise yield no latency data at all (ANALYSIS 2.2).
import { latencyQuantiles } from '#src/limits.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { ATTEMPT } from '#src/shared-memory/layout.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

/** What the list needs of an exchange. */
export interface InFlightEntry {
  olderInFlight: InFlightEntry | null;
  newerInFlight: InFlightEntry | null;
  readonly startedAtMs: number;
  readonly arm: number;
  /** Thresholds crossed so far. */
  crossedCount: number;
  /** Offset of this attempt's counters. */
  attemptAt(): number;
}

export class InFlightList {
  #oldest: InFlightEntry | null;
  #newest: InFlightEntry | null;
  readonly #slab: Float64Array;
  readonly #thresholds: Float64Array;

  constructor(slab: Float64Array, thresholds: Float64Array) {
    this.#oldest = null;
    this.#newest = null;
    this.#slab = slab;
    this.#thresholds = thresholds;
  }

  add(entry: InFlightEntry): void {
    entry.olderInFlight = this.#newest;
    entry.newerInFlight = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newerInFlight = entry;
    this.#newest = entry;
  }

  remove(entry: InFlightEntry): void {
    const { olderInFlight: older, newerInFlight: newer } = entry;
    if (older === null) this.#oldest = newer;
    else older.newerInFlight = newer;
    if (newer === null) this.#newest = older;
    else newer.olderInFlight = older;
    entry.olderInFlight = null;
    entry.newerInFlight = null;
  }

  /** Counts the thresholds that waiting requests have crossed since the last call. */
  countCrossings(nowMs: number): void {
    const lowest = Math.min(
      this.#thresholds[slowThresholdIndex(0, 0)] as number,
      this.#thresholds[slowThresholdIndex(1, 0)] as number,
    );
    for (let entry = this.#oldest; entry !== null; entry = entry.newerInFlight) {
      const ageMs = nowMs - entry.startedAtMs;
      if (ageMs <= lowest) return;
      this.#countEntry(entry, ageMs);
    }
  }

  #countEntry(entry: InFlightEntry, ageMs: number): void {
    while (entry.crossedCount < latencyQuantiles.length) {
      const threshold = this.#thresholds[slowThresholdIndex(entry.arm, entry.crossedCount)] as number;
      if (!(ageMs > threshold)) return;
      const at = entry.attemptAt();
      increment(this.#slab, at + ATTEMPT.ageCrossed + entry.crossedCount);
      increment(this.#slab, at + ATTEMPT.changes);
      entry.crossedCount++;
    }
  }
}
