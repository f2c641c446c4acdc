import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BreakerWatch } from '#src/control-plane/breaker-watch.ts';
import { ATTEMPT, attemptOffset, WORKER, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { add } from './support/counters.ts';

function openBreaker(memory: SharedMemory, worker: number, sinceMs: number): void {
  const slab = new Float64Array(memory.slabs[worker] as SharedArrayBuffer);
  slab[WORKER.breakerState] = 1;
  slab[WORKER.breakerOpenSinceMs] = sinceMs;
}

const sendToY = (memory: SharedMemory, worker: number): void =>
  add(memory, worker, attemptOffset(Y, 1) + ATTEMPT.assigned, 1);

test('breaker watch reports the shortest open time when all workers with traffic for Y are open', () => {
  const memory = createSharedMemory(3);
  const watch = new BreakerWatch(memory);
  openBreaker(memory, 0, 1_000);
  openBreaker(memory, 1, 3_000);
  openBreaker(memory, 2, 2_000);
  assert.equal(watch.openMs(5_000), 2_000);
});

test('breaker watch reports nothing when one worker still reaches Y', () => {
  const memory = createSharedMemory(2);
  const watch = new BreakerWatch(memory);
  openBreaker(memory, 0, 1_000);
  sendToY(memory, 1);
  assert.equal(watch.openMs(5_000), 0);
});

test('breaker watch forgets a closed worker when it has had no traffic for Y for a while', () => {
  const memory = createSharedMemory(2);
  const watch = new BreakerWatch(memory);
  sendToY(memory, 1);
  watch.openMs(1_000);
  openBreaker(memory, 0, 1_000);
  assert.equal(watch.openMs(5_000), 0);
  assert.equal(watch.openMs(6_001), 5_001);
});

test('breaker watch counts diverted requests as traffic for Y', () => {
  const memory = createSharedMemory(2);
  const watch = new BreakerWatch(memory);
  openBreaker(memory, 0, 1_000);
  add(memory, 1, WORKER.breakerDiverted, 1);
  assert.equal(watch.openMs(2_000), 0);
});

test('breaker watch reports nothing when every breaker is closed', () => {
  assert.equal(new BreakerWatch(createSharedMemory(2)).openMs(5_000), 0);
});
