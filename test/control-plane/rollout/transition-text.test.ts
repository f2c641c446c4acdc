import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transitionText } from '#src/control-plane/rollout/transition-text.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { rampingState, testPlan } from '../support/states.ts';

const reverted: RolloutState = {
  phase: 'reverted',
  plan: testPlan,
  weightPpm: 0,
  sinceMs: 0,
  fromWeightPpm: 250_000,
  stepIndex: 1,
  cause: { name: 'evidence', text: 'errors 5 % on Y against 0.1 % on X' },
};
const idle: RolloutState = { phase: 'idle', weightPpm: 1 };

const texts: readonly [
  name: Transition['name'],
  from: RolloutState,
  to: RolloutState,
  reason: string,
  text: string,
][] = [
  ['step', idle, rampingState(250_000), 'Y is not worse', 'Step 2 of 4, 25 % on Y: Y is not worse.'],
  [
    'retest',
    rampingState(250_000),
    rampingState(250_000),
    '404 responses 4 % on Y against 1 % on X; held, to be tested again in 60 s',
    'Held to test again, 25 % on Y: 404 responses 4 % on Y against 1 % on X; held, to be tested again in 60 s.',
  ],
  ['split-set', idle, idle, '', 'Split set by hand, 0.0001 % on Y.'],
  ['split-set', idle, idle, 'A try. ', 'Split set by hand, 0.0001 % on Y: A try.'],
  ['reverted', idle, idle, 'enough seen', 'Back to X from 0.0001 % on Y set by hand: enough seen.'],
  [
    'reverted',
    rampingState(250_000),
    reverted,
    'reverted at 25 %: errors 5 % on Y against 0.1 % on X',
    'Reverted to X from 25 % on Y: errors 5 % on Y against 0.1 % on X.',
  ],
];
for (const [name, from, to, reason, text] of texts) {
  test(`transition ${name} reads "${text}"`, () => {
    const transition: Transition = { atMs: 0, name, from, to, actor: 'tester', reason, evidence: null };
    assert.equal(transitionText(transition), text);
  });
}
