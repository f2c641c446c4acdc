import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Breaker } from '#src/data-plane/upstream/breaker.ts';
import { breakerFailuresInARow, breakerOpenMs } from '#src/limits.ts';
import { slabLength, WORKER } from '#src/shared-memory/layout.ts';

function make(): { breaker: Breaker; slab: Float64Array } {
  const slab = new Float64Array(slabLength);
  return { slab, breaker: new Breaker(slab, () => 42) };
}

function fail(breaker: Breaker, count: number, nowMs: number): void {
  for (let index = 0; index < count; index++) {
    assert.equal(breaker.allows(nowMs), true);
    breaker.failed(nowMs);
  }
}

describe('Breaker', () => {
  it('opens after twenty failures in a row and says since when', () => {
    const { breaker, slab } = make();
    fail(breaker, breakerFailuresInARow, 0);
    assert.equal(breaker.allows(1), false);
    assert.equal(slab[WORKER.breakerState], 1);
    assert.equal(slab[WORKER.breakerOpenSinceMs], 42);
    assert.equal(slab[WORKER.breakerOpens], 1);
  });

  it('stays closed when one success comes between', () => {
    const { breaker } = make();
    fail(breaker, breakerFailuresInARow - 1, 0);
    breaker.succeeded();
    fail(breaker, breakerFailuresInARow - 1, 0);
    assert.equal(breaker.allows(0), true);
  });

  it('lets one probe through after its time and closes when it succeeds', () => {
    const { breaker, slab } = make();
    fail(breaker, breakerFailuresInARow, 0);
    assert.equal(breaker.allows(breakerOpenMs - 1), false);
    assert.equal(breaker.allows(breakerOpenMs), true);
    assert.equal(breaker.allows(breakerOpenMs), false, 'a second one waits for the first');
    breaker.succeeded();
    assert.equal(breaker.allows(breakerOpenMs), true);
    assert.equal(slab[WORKER.breakerState], 0);
    assert.equal(slab[WORKER.breakerOpenSinceMs], 0);
  });

  it('opens again for its time when the probe fails, without counting another opening', () => {
    const { breaker, slab } = make();
    fail(breaker, breakerFailuresInARow, 0);
    assert.equal(breaker.allows(breakerOpenMs), true);
    breaker.failed(breakerOpenMs + 10);
    assert.equal(breaker.allows(2 * breakerOpenMs), false);
    assert.equal(breaker.allows(2 * breakerOpenMs + 10), true);
    assert.equal(slab[WORKER.breakerOpens], 1);
  });

  it('gives the probe to the next request when its client went away', () => {
    const { breaker } = make();
    fail(breaker, breakerFailuresInARow, 0);
    assert.equal(breaker.allows(breakerOpenMs), true);
    breaker.abandoned();
    assert.equal(breaker.allows(breakerOpenMs), true);
  });

  it('starts afresh closed, with no failure and no probe that is out', () => {
    const { breaker, slab } = make();
    fail(breaker, breakerFailuresInARow, 0);
    assert.equal(breaker.allows(breakerOpenMs), true);
    breaker.startAfresh(7);
    assert.equal(breaker.sinceEpoch, 7);
    assert.equal(slab[WORKER.breakerState], 0);
    assert.equal(slab[WORKER.breakerOpenSinceMs], 0);
    fail(breaker, breakerFailuresInARow - 1, breakerOpenMs);
    assert.equal(slab[WORKER.breakerState], 0);
    fail(breaker, 1, breakerOpenMs);
    assert.equal(slab[WORKER.breakerState], 1);
  });

  it('ignores failures of requests that were sent before it opened', () => {
    const { breaker } = make();
    fail(breaker, breakerFailuresInARow, 0);
    breaker.failed(breakerOpenMs - 1);
    assert.equal(breaker.allows(breakerOpenMs), true);
  });
});
