import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type InFlightEntry, InFlightList } from '#src/data-plane/counting/in-flight-list.ts';
import { ATTEMPT, attemptOffset, slabLength, Y } from '#src/shared-memory/layout.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

const entryAt = (startedAtMs: number): InFlightEntry => ({
  olderInFlight: null,
  newerInFlight: null,
  startedAtMs,
  arm: Y,
  crossedCount: 0,
  attemptAt: () => attemptOffset(Y, 0),
});

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
    list.add(entryAt(0));
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
      const entries = [entryAt(0), entryAt(10), entryAt(20)];
      for (const entry of entries) list.add(entry);
      list.remove(entries[removed] as InFlightEntry);
      list.countCrossings(150);
      assert.equal(crossed()[0], 2);
    }
  });
});
