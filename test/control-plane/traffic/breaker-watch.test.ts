import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BreakerWatch } from '#src/control-plane/traffic/breaker-watch.ts';
import { tickMs } from '#src/limits.ts';
import { ATTEMPT, attemptOffset, WORKER, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { add } from '../support/counters.ts';

/** A watch over workers of which each tick sends requests to Y from those that are named. */
class Rig {
  readonly memory;
  readonly cell;
  readonly watch;
  nowMs = 1_000;

  constructor(workers: number) {
    this.memory = createSharedMemory(workers);
    this.cell = new SplitCell(this.memory.split);
    this.cell.publish(100_000, 1);
    this.watch = new BreakerWatch(this.memory, this.cell);
  }

  setBreaker(worker: number, sinceMs: number): void {
    const slab = new Float64Array(this.memory.slabs[worker] as SharedArrayBuffer);
    slab[WORKER.breakerState] = sinceMs === 0 ? 0 : 1;
    slab[WORKER.breakerOpenSinceMs] = sinceMs;
  }

  sendToY(worker: number): void {
    add(this.memory, worker, attemptOffset(Y, 1) + ATTEMPT.assigned, 1);
  }

  /** Ticks until `untilMs`; returns what the last one says. */
  run(untilMs: number, senders: readonly number[]): number {
    let openMs = 0;
    while (this.nowMs < untilMs) {
      this.nowMs += tickMs;
      for (const worker of senders) this.sendToY(worker);
      openMs = this.watch.openMs(this.nowMs);
    }
    return openMs;
  }
}

test('breaker watch reports the shortest open time when all workers with traffic for Y are open', () => {
  const rig = new Rig(3);
  rig.setBreaker(0, 1_000);
  rig.run(2_000, [0, 1, 2]);
  rig.setBreaker(1, 2_000);
  rig.run(3_000, [0, 1, 2]);
  rig.setBreaker(2, 3_000);
  assert.equal(rig.run(5_000, [0, 1, 2]), 2_000);
});

test('breaker watch reports nothing when one worker still reaches Y', () => {
  const rig = new Rig(2);
  rig.setBreaker(0, 1_000);
  assert.equal(rig.run(5_000, [0, 1]), 0);
});

test('breaker watch forgets a closed worker when it has had no traffic for Y for a while', () => {
  const rig = new Rig(2);
  rig.setBreaker(0, 1_000);
  rig.sendToY(1);
  assert.equal(rig.run(6_250, [0]), 0);
  assert.equal(rig.run(6_500, [0]), 5_500);
});

test('breaker watch counts diverted requests as traffic for Y', () => {
  const rig = new Rig(2);
  rig.setBreaker(0, 1_000);
  add(rig.memory, 1, WORKER.breakerDiverted, 1);
  assert.equal(rig.run(2_000, [0]), 0);
});

test('breaker watch reports nothing when every breaker is closed', () => {
  assert.equal(new Rig(2).run(5_000, [0, 1]), 0);
});

test('breaker watch counts a silence as the wait for one probe', () => {
  const rig = new Rig(1);
  rig.setBreaker(0, 1_000);
  assert.equal(rig.run(1_500, [0]), 500);
  assert.equal(rig.run(61_500, []), 500, 'no request for Y has failed since');
  assert.equal(rig.run(61_750, [0]), 1_500);
  assert.equal(rig.run(63_250, [0]), 3_000);
});

test('breaker watch leaves out the silent workers when others have traffic for Y', () => {
  const rig = new Rig(2);
  rig.setBreaker(0, 1_000);
  rig.setBreaker(1, 1_000);
  rig.run(1_500, [0, 1]);
  rig.run(6_000, [1]);
  assert.equal(rig.run(7_000, [1]), 6_000);
});

test('breaker watch keeps an advance back, and no more, while an open breaker meets no traffic', () => {
  const rig = new Rig(1);
  rig.setBreaker(0, 1_000);
  assert.equal(rig.run(5_000, [0]), 4_000);
  assert.equal(rig.run(60_000, []), 1_000);
});

test('breaker watch counts no time in which Y had no share', () => {
  const rig = new Rig(1);
  rig.setBreaker(0, 1_000);
  rig.run(4_500, [0]);
  rig.cell.publish(0, 1);
  assert.equal(rig.run(28_000, []), 0);
  rig.cell.publish(100_000, 2);
  assert.equal(rig.run(28_250, [0]), 250);
});

test('breaker watch begins anew when a breaker has closed and opened again between two looks', () => {
  const rig = new Rig(1);
  rig.setBreaker(0, 1_000);
  rig.run(3_000, [0]);
  rig.setBreaker(0, 3_100);
  assert.equal(rig.run(3_250, [0]), 150);
});
