import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldWatch } from '#src/control-plane/rollout/hold-watch.ts';
import type { HoldReason, RolloutState } from '#src/core/rollout/rollout-state.ts';

const held = (name: HoldReason['name'] | null): RolloutState =>
  ({
    phase: 'soaking',
    hold: name === null ? null : { name, text: 'so' },
  }) as unknown as RolloutState;

test('the hold watch counts from when a reason began to hold, and anew when another one does', () => {
  const watch = new HoldWatch();
  assert.equal(watch.held, null);
  watch.observe(held('gate'), 1_000);
  watch.observe(held('gate'), 91_000);
  assert.deepEqual(watch.held, { reason: 'gate', seconds: 90 });
  watch.observe(held('freeze'), 91_250);
  assert.deepEqual(watch.held, { reason: 'freeze', seconds: 0 });
  watch.observe(held(null), 91_500);
  assert.equal(watch.held, null);
});

test('the hold watch sees what a start waits for, and nothing where a rollout is paused', () => {
  const watch = new HoldWatch();
  watch.observe(
    { phase: 'preflight', hold: { name: 'window', text: 'so' } } as unknown as RolloutState,
    5_000,
  );
  watch.observe(
    { phase: 'preflight', hold: { name: 'window', text: 'so' } } as unknown as RolloutState,
    6_500,
  );
  assert.deepEqual(watch.held, { reason: 'window', seconds: 1.5 });
  watch.observe({ phase: 'paused' } as RolloutState, 7_000);
  assert.equal(watch.held, null);
});
