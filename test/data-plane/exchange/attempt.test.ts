import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Assignment } from '#src/data-plane/exchange/assignment.ts';
import { Attempt } from '#src/data-plane/exchange/attempt.ts';
import { clientGroupCount, latencyQuantiles } from '#src/limits.ts';
import { ATTEMPT, failureKindIndex, GROUP, routeSlots, Y } from '#src/shared-memory/layout.ts';
import { FakeWorker } from '../../support/worker-with-fake-nodes.ts';

/** A first attempt on Y that has begun. */
function begin(facts: Partial<Assignment> = {}): { worker: FakeWorker; attempt: Attempt } {
  const worker = new FakeWorker();
  const attempt = new Attempt(worker.runtime);
  const assigned = Object.assign(new Assignment(), { arm: Y, isDrawn: true }, facts);
  attempt.begin(assigned, performance.now(), true);
  return { worker, attempt };
}

/** What of an attempt is in the comparison: assigned, failures, client aborts, answers, routes' requests. */
const compared = (worker: FakeWorker): number[] => [
  worker.attempts(Y, ATTEMPT.assigned),
  worker.attempts(Y, ATTEMPT.failures, 8),
  worker.attempts(Y, ATTEMPT.clientAborts),
  worker.attempts(Y, ATTEMPT.status, 600),
  worker.attempts(Y, ATTEMPT.routeRequests, routeSlots),
];

describe('a first attempt', () => {
  it('has one outcome: what comes later counts nowhere', () => {
    const { worker, attempt } = begin();
    assert.equal(attempt.failed('reset', 0), true);
    assert.equal(attempt.failed('timeout', 0), false);
    assert.equal(attempt.answered(200, 1, 0, new Uint8Array()), false);
    attempt.abandoned();
    attempt.withdrawn();
    assert.deepEqual(compared(worker), [1, 1, 0, 0, 1]);
    assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), 0);
  });

  it('is as slow as its answer after the last byte of the request, however long the client took', () => {
    const worker = new FakeWorker();
    const { inFlight, slowThresholds } = worker.runtime;
    slowThresholds.fill(100);
    const attempt = new Attempt(worker.runtime);
    attempt.begin(Object.assign(new Assignment(), { arm: Y, isDrawn: true }), 1_000, false);
    inFlight.countCrossings(8_000);
    attempt.requestDone(9_000);
    inFlight.countCrossings(9_050);
    assert.equal(attempt.crossedCount, 0);
    assert.equal(attempt.startedAtMs, 9_000);
    inFlight.countCrossings(9_200);
    assert.ok(attempt.crossedCount > 0);
    attempt.abandoned();
    const left = new Attempt(worker.runtime);
    left.begin(Object.assign(new Assignment(), { arm: Y, isDrawn: true }), 1_000, false);
    left.abandoned();
    left.requestDone(2_000);
    inFlight.countCrossings(9_000);
    assert.equal(left.crossedCount, 0);
  });

  it('counts for the group of its client: what came of it, and how slow it was, once', () => {
    const clientGroup = 5;
    const told = (give: (attempt: Attempt, worker: FakeWorker) => void): number[] => {
      const { worker, attempt } = begin({ clientGroup });
      worker.runtime.slowThresholds.fill(100);
      give(attempt, worker);
      const { failures, success, redirect, clientError, aborted, slow } = GROUP;
      const slows = latencyQuantiles.map((_, index) => slow + index * clientGroupCount);
      const places = [failures, success, redirect, clientError, aborted, ...slows];
      const hits = places.map((place) => worker.attempts(Y, ATTEMPT.groupHits + place + clientGroup));
      return [worker.attempts(Y, ATTEMPT.groupRequests + clientGroup), ...hits];
    };
    const answer = (status: number, latencyMs: number) => (attempt: Attempt) =>
      attempt.answered(status, latencyMs, 0, new Uint8Array());
    assert.deepEqual(told(answer(200, 50)), [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(told(answer(302, 50)), [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(told(answer(404, 150)), [1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1]);
    assert.deepEqual(told(answer(503, 150)), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(
      told((attempt) => attempt.failed('reset', 0)),
      [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    assert.deepEqual(
      told((attempt) => attempt.abandoned()),
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
    );
    const waited = told((attempt, { runtime }) => {
      runtime.inFlight.countCrossings(attempt.startedAtMs + 120);
      attempt.answered(200, 150, 0, new Uint8Array());
    });
    assert.deepEqual(waited, [1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1]);
  });

  it('that is withdrawn is in no count of the comparison, and its changes need not be read', () => {
    const { worker, attempt } = begin();
    attempt.withdrawn();
    assert.equal(attempt.answered(503, 1, 0, new Uint8Array()), false);
    assert.equal(attempt.failed('reset', 0), false);
    attempt.abandoned();
    assert.deepEqual(compared(worker), [1, 0, 0, 0, 0]);
    assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), 1);
    assert.equal(worker.attempts(Y, ATTEMPT.changes), 0);
  });

  it('that is withdrawn does not become slow while it waits on', () => {
    const { worker, attempt } = begin();
    worker.runtime.slowThresholds.fill(1);
    attempt.withdrawn();
    worker.runtime.inFlight.countCrossings(performance.now() + 60_000);
    assert.equal(worker.attempts(Y, ATTEMPT.ageCrossed, 5), 0);
  });

  it('that was answered well fails when its body is cut, once; one that had failed does not fail twice', () => {
    const { worker, attempt } = begin();
    attempt.answered(200, 1, 0, new Uint8Array());
    assert.deepEqual([attempt.truncated(), attempt.truncated()], [true, false]);
    assert.equal(worker.attempts(Y, ATTEMPT.failures + failureKindIndex.truncated), 1);
    const other = begin();
    other.attempt.answered(500, 1, 0, new Uint8Array());
    assert.equal(other.attempt.truncated(), false);
    assert.equal(other.worker.attempts(Y, ATTEMPT.failures, 8), 0);
  });

  it('that was not drawn by the split counts nowhere', () => {
    const { worker, attempt } = begin({ isDrawn: false, isPinned: true });
    assert.equal(attempt.failed('connect', 0), false);
    attempt.withdrawn();
    assert.deepEqual(compared(worker), [0, 0, 0, 0, 0]);
    assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), 0);
  });
});
