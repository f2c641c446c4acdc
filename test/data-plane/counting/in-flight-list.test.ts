import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { type InFlightEntry, InFlightList } from '#src/data-plane/counting/in-flight-list.ts';
import { ATTEMPT, attemptOffset, slabLength, Y } from '#src/shared-memory/layout.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

class Entry implements InFlightEntry {
  readonly inFlightLink: ListLink<InFlightEntry> = new ListLink<InFlightEntry>(this);
  readonly startedAtMs: number;
  readonly arm = Y;
  readonly clientGroup = -1;
  crossedCount = 0;

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  attemptAt(): number {
    return attemptOffset(Y, 0);
  }
}

function make(): { list: InFlightList; crossed: () => number[] } {
  const slab = new Float64Array(slabLength);
  const thresholds = new Float64Array(10).fill(Number.POSITIVE_INFINITY);
  for (const [index, ms] of [100, 200, 300, 400, 500].entries())
    thresholds[slowThresholdIndex(Y, index)] = ms;
  const at = attemptOffset(Y, 0) + ATTEMPT.ageCrossed;
  return { list: new InFlightList(slab, thresholds), crossed: () => [...slab.slice(at, at + 5)] };
}

describe('InFlightList', () => {
  it('counts each threshold once, when the age crosses it', () => {
    const { list, crossed } = make();
    list.add(new Entry(0));
    list.countCrossings(100);
    assert.deepEqual(crossed(), [0, 0, 0, 0, 0]);
    list.countCrossings(250);
    list.countCrossings(260);
    assert.deepEqual(crossed(), [1, 1, 0, 0, 0]);
    list.countCrossings(10_000);
    assert.deepEqual(crossed(), [1, 1, 1, 1, 1]);
  });

  it('leaves out what was removed, wherever it stood', () => {
    for (const removed of [0, 1, 2]) {
      const { list, crossed } = make();
      const entries = [new Entry(0), new Entry(10), new Entry(20)];
      for (const entry of entries) list.add(entry);
      list.remove(entries[removed] as Entry);
      list.countCrossings(150);
      assert.equal(crossed()[0], 2);
    }
  });
});
