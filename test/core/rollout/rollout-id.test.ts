import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { notifiedRolloutId, recordedRolloutId, rolloutIdOf } from '#src/core/rollout/rollout-id.ts';
import type { RolloutPlan, RolloutState } from '#src/core/rollout/rollout-state.ts';

const planOf = (id: string): RolloutPlan => ({
  id,
  stepsPpm: [100_000, 1_000_000],
  bakeMs: 0,
  stepTimeoutMs: 60_000,
  onInconclusive: 'hold',
  onBadRoute: 'revert',
  soakMs: 0,
  holdbackPpm: 0,
  salt: 1,
  startedAtMs: 0,
  startedBy: 'tester',
  reason: '',
});
const idle: RolloutState = { phase: 'idle', weightPpm: 0 };
const checking = (id: string): RolloutState => ({
  phase: 'preflight',
  plan: planOf(id),
  weightPpm: 0,
  sinceMs: 0,
});
const completed = (id: string): RolloutState => ({
  phase: 'completed',
  plan: planOf(id),
  weightPpm: 1_000_000,
  sinceMs: 0,
});

const cases: readonly {
  readonly name: Transition['name'];
  readonly from: RolloutState;
  readonly to: RolloutState;
  readonly recorded: string | null;
  readonly notified: string | null;
}[] = [
  { name: 'started', from: idle, to: checking('new'), recorded: 'new', notified: 'new' },
  { name: 'started', from: completed('old'), to: checking('new'), recorded: 'new', notified: 'new' },
  { name: 'preflight-failed', from: checking('new'), to: idle, recorded: 'new', notified: 'new' },
  { name: 'split-set', from: completed('old'), to: idle, recorded: null, notified: 'old' },
  { name: 'split-set', from: idle, to: idle, recorded: null, notified: null },
];

for (const { name, from, to, recorded, notified } of cases) {
  test(`rollout of ${name} from ${from.phase} to ${to.phase} is ${recorded} on record and ${notified} when notified`, () => {
    const transition: Transition = { atMs: 0, name, from, to, actor: 'tester', reason: '', evidence: null };
    assert.equal(recordedRolloutId(transition), recorded);
    assert.equal(notifiedRolloutId(transition), notified);
  });
}

test('rollout of a state is its plan, and none while the split is set by hand', () => {
  assert.equal(rolloutIdOf(completed('old')), 'old');
  assert.equal(rolloutIdOf(idle), null);
});
