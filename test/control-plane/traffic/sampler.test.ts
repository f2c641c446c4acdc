import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Sampler } from '#src/control-plane/traffic/sampler.ts';
import { epochSlotCount } from '#src/limits.ts';
import { ATTEMPT, attemptOffset, X, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { add, countAnswers, countFailures } from '../support/counters.ts';

function rig(workers = 1) {
  const memory = createSharedMemory(workers);
  const cell = new SplitCell(memory.split);
  return { memory, cell, sampler: new Sampler(memory, cell) };
}

test('sampler reports growth since the last tick when several workers count', () => {
  const { memory, cell, sampler } = rig(3);
  const epoch = cell.publish(100_000, 7);
  for (const worker of [0, 1, 2]) {
    countAnswers(memory, { worker, arm: X, epoch }, { status: 200, count: 9, ms: 5 });
    countAnswers(memory, { worker, arm: Y, epoch }, { status: 503, count: 2 });
  }
  countFailures(memory, { worker: 2, arm: Y, epoch }, 'connect', 3);
  const first = sampler.sample(1_000);
  assert.equal(first.epochs.length, 1);
  const [entry] = first.epochs;
  assert.equal(entry?.epoch, epoch);
  assert.equal(entry?.weightPpm, 100_000);
  assert.deepEqual([entry?.x.requests, entry?.x.failures, entry?.x.latencyMsSum], [27, 0, 135]);
  assert.deepEqual([entry?.y.requests, entry?.y.failures, entry?.y.status[503]], [9, 9, 6]);
  countAnswers(memory, { worker: 1, arm: X, epoch }, { status: 200, count: 1 });
  const second = sampler.sample(1_250);
  assert.equal(second.dtMs, 250);
  assert.deepEqual([second.epochs[0]?.x.requests, second.epochs[0]?.y.requests], [1, 0]);
  assert.equal(sampler.sample(1_500).epochs.length, 0);
});

test('sampler keeps epochs apart when requests of an old split end late', () => {
  const { memory, cell, sampler } = rig();
  const old = cell.publish(10_000, 7);
  const now = cell.publish(50_000, 7);
  countAnswers(memory, { arm: Y, epoch: old }, { status: 200, count: 1 });
  countAnswers(memory, { arm: Y, epoch: now }, { status: 200, count: 5 });
  const { epochs } = sampler.sample(1_000);
  assert.deepEqual(
    epochs.map(({ epoch, weightPpm, y }) => [epoch, weightPpm, y.requests]),
    [
      [old, 10_000, 1],
      [now, 50_000, 5],
    ],
  );
});

test('sampler counts a cut body as one failure and no request when its head came a tick before', () => {
  const { memory, cell, sampler } = rig();
  const epoch = cell.publish(500_000, 7);
  countAnswers(memory, { arm: Y, epoch }, { status: 200, count: 2 });
  sampler.sample(1_000);
  countFailures(memory, { arm: Y, epoch }, 'truncated', 2);
  const alone = sampler.sample(1_250).epochs[0];
  assert.deepEqual([alone?.y.requests, alone?.y.failures], [0, 0]);
  countAnswers(memory, { arm: Y, epoch }, { status: 200, count: 1 });
  const next = sampler.sample(1_500).epochs[0];
  assert.deepEqual([next?.y.requests, next?.y.failures], [1, 1]);
  countAnswers(memory, { arm: Y, epoch }, { status: 200, count: 4 });
  const last = sampler.sample(1_750).epochs[0];
  assert.deepEqual([last?.y.requests, last?.y.failures], [4, 1]);
});

test('sampler holds a cut body of one epoch against no request of the epoch that takes its slot', () => {
  const { memory, cell, sampler } = rig();
  const old = cell.publish(500_000, 7);
  countAnswers(memory, { arm: Y, epoch: old }, { status: 200, count: 1 });
  sampler.sample(1_000);
  countFailures(memory, { arm: Y, epoch: old }, 'truncated', 1);
  sampler.sample(1_250);
  let epoch = old;
  for (let count = 0; count < epochSlotCount; count++) epoch = cell.publish(500_000, 7);
  countAnswers(memory, { arm: Y, epoch }, { status: 200, count: 5 });
  const next = sampler.sample(1_500).epochs.find((sample) => sample.epoch === epoch);
  assert.deepEqual([next?.y.requests, next?.y.failures], [5, 0]);
});

test('sampler of a new control thread goes on where the old one stopped when it shares the memory', () => {
  const { memory, cell, sampler } = rig(2);
  const epoch = cell.publish(500_000, 7);
  countAnswers(memory, { arm: X, epoch }, { status: 200, count: 10 });
  sampler.sample(1_000);
  countAnswers(memory, { worker: 1, arm: X, epoch }, { status: 200, count: 4 });
  const successor = new Sampler(memory, new SplitCell(memory.split));
  const sample = successor.sample(9_000);
  assert.equal(sample.dtMs, 8_000);
  assert.equal(sample.epochs[0]?.x.requests, 4);
});

test('sampler ignores outcomes counted as stale', () => {
  const { memory, cell, sampler } = rig();
  cell.publish(500_000, 7);
  add(memory, 0, attemptOffset(Y, 8) + ATTEMPT.status + 200, 5);
  assert.equal(sampler.sample(1_000).epochs.length, 0);
});

test('sampler loses and invents nothing when random traffic crosses split changes', () => {
  const seed = Date.now() >>> 0;
  const random = createRandom(seed);
  const { memory, cell, sampler } = rig(2);
  let sent = 0;
  let sentFailures = 0;
  let seen = 0;
  let seenFailures = 0;
  for (let tick = 1; tick <= 400; tick++) {
    if (random.next() < 0.2) cell.publish(Math.floor(random.next() * 1_000_000), 7);
    const epoch = Math.max(0, cell.epoch() - Math.floor(random.next() * 3));
    const count = 1 + Math.floor(random.next() * 5);
    const status = random.next() < 0.3 ? 500 : 200;
    const counted = { worker: tick % 2, arm: random.next() < 0.5 ? X : Y, epoch } as const;
    countAnswers(memory, counted, { status, count });
    sent += count;
    sentFailures += status === 500 ? count : 0;
    for (const { x, y } of sampler.sample(tick * 250).epochs) {
      assert.ok(x.failures <= x.requests && y.failures <= y.requests, `seed ${seed}`);
      seen += x.requests + y.requests;
      seenFailures += x.failures + y.failures;
    }
  }
  assert.deepEqual([seen, seenFailures], [sent, sentFailures], `seed ${seed}`);
});
