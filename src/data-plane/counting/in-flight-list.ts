// Requests waiting for a response head, oldest first, so that a request counts as slow when its age crosses a
// threshold and not when it ends: a hanging Y would otherwise yield no latency data at all.
import { IntrusiveList, type ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { clientGroupCount, latencyQuantiles } from '#src/limits.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { ATTEMPT, GROUP } from '#src/shared-memory/layout.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

/** A request that waits for its response head. */
export interface InFlightEntry {
  readonly inFlightLink: ListLink<InFlightEntry>;
  readonly startedAtMs: number;
  readonly arm: number;
  /** 0..63 under sticky routing, else -1. */
  readonly clientGroup: number;
  /** Thresholds crossed so far. */
  crossedCount: number;
  /** Offset of this attempt's counters. */
  attemptAt(): number;
}

export class InFlightList {
  readonly #oldestFirst: IntrusiveList<InFlightEntry>;
  readonly #slab: Float64Array;
  readonly #thresholds: Float64Array;

  constructor(slab: Float64Array, thresholds: Float64Array) {
    this.#oldestFirst = new IntrusiveList();
    this.#slab = slab;
    this.#thresholds = thresholds;
  }

  add(entry: InFlightEntry): void {
    this.#oldestFirst.add(entry.inFlightLink);
  }

  remove(entry: InFlightEntry): void {
    this.#oldestFirst.remove(entry.inFlightLink);
  }

  /** Counts the thresholds that waiting requests have crossed since the last call. */
  countCrossings(nowMs: number): void {
    const lowest = Math.min(
      this.#thresholds[slowThresholdIndex(0, 0)] as number,
      this.#thresholds[slowThresholdIndex(1, 0)] as number,
    );
    for (let link = this.#oldestFirst.first; link !== null; link = link.next) {
      const ageMs = nowMs - link.member.startedAtMs;
      if (ageMs <= lowest) return;
      this.#countEntry(link.member, ageMs);
    }
  }

  #countEntry(entry: InFlightEntry, ageMs: number): void {
    while (entry.crossedCount < latencyQuantiles.length) {
      const threshold = this.#thresholds[slowThresholdIndex(entry.arm, entry.crossedCount)] as number;
      if (!(ageMs > threshold)) return;
      const at = entry.attemptAt();
      increment(this.#slab, at + ATTEMPT.ageCrossed + entry.crossedCount);
      if (entry.clientGroup >= 0) {
        const slow = at + ATTEMPT.groupHits + GROUP.slow + entry.crossedCount * clientGroupCount;
        increment(this.#slab, slow + entry.clientGroup);
      }
      increment(this.#slab, at + ATTEMPT.changes);
      entry.crossedCount++;
    }
  }
}
