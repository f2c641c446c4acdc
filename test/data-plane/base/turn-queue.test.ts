import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { TurnQueue, type TurnWaiter } from '#src/data-plane/base/turn-queue.ts';
import { crowdConnectionsMin, requestsPerTurnMax } from '#src/limits.ts';
import { slabLength, WORKER } from '#src/shared-memory/layout.ts';

const crowd = crowdConnectionsMin;

/** A queue whose turns end when the test says so. */
function createQueue() {
  const slab = new Float64Array(slabLength);
  const ends: (() => void)[] = [];
  const queue = new TurnQueue(slab, (callback) => ends.push(callback));
  const served: number[] = [];
  const wait = (number: number): void => {
    queue.wait(new ListLink<TurnWaiter>({ takeTurn: () => served.push(number) }));
  };
  const endTurn = (): void => {
    assert.ok(ends.length <= 1, 'one callback for each turn');
    ends.shift()?.();
  };
  return { queue, wait, endTurn, served, ends, length: () => slab[WORKER.queued] };
}

describe('TurnQueue', () => {
  it('takes what comes while there are few connections, and watches no turn', () => {
    const { queue, ends } = createQueue();
    for (let count = 0; count < 10 * requestsPerTurnMax; count++)
      assert.equal(queue.mayTake(crowd - 1), true);
    assert.equal(ends.length, 0);
  });

  it('takes so many requests of a crowd in each turn', () => {
    const { queue, endTurn } = createQueue();
    for (let turn = 0; turn < 3; turn++) {
      for (let count = 0; count < requestsPerTurnMax; count++) assert.equal(queue.mayTake(crowd), true);
      assert.equal(queue.mayTake(crowd), false);
      endTurn();
    }
  });

  it('serves those who wait in the order of arrival, so many a turn, and newcomers after them', () => {
    const { queue, wait, endTurn, served, ends, length } = createQueue();
    const count = 2 * requestsPerTurnMax + 1;
    for (let number = 0; number < count; number++) wait(number);
    assert.equal(length(), count);
    endTurn();
    assert.equal(served.length, requestsPerTurnMax);
    assert.equal(queue.mayTake(crowd), false, 'others wait');
    endTurn();
    assert.equal(length(), 1);
    endTurn();
    assert.deepEqual(
      served,
      Array.from({ length: count }, (_, number) => number),
    );
    assert.equal(length(), 0);
    for (let taken = 1; taken < requestsPerTurnMax; taken++) assert.equal(queue.mayTake(crowd), true);
    assert.equal(queue.mayTake(crowd), false, 'the last one who waited counts in this turn');
    endTurn();
    assert.equal(ends.length, 0, 'nobody waits and nothing comes: no turn is watched');
  });

  it('takes those who line up while the queue is served in a later turn', () => {
    const { queue, endTurn, served } = createQueue();
    const again = new ListLink<TurnWaiter>({
      takeTurn: () => {
        served.push(served.length);
        if (served.length < 3) queue.wait(again);
      },
    });
    queue.wait(again);
    endTurn();
    assert.deepEqual(served, [0]);
    endTurn();
    endTurn();
    assert.deepEqual(served, [0, 1, 2]);
  });
});
