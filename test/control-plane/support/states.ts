// Rollout plans and states for tests.
import type { RolloutPlan, RolloutState } from '#src/core/rollout/rollout-state.ts';

export const testPlan: RolloutPlan = {
  id: 'rollout-1',
  stepsPpm: [100_000, 250_000, 500_000, 1_000_000],
  bakeMs: 0,
  stepTimeoutMs: 60_000,
  onInconclusive: 'hold',
  onBadRoute: 'revert',
  soakMs: 1_000,
  holdbackPpm: 10_000,
  salt: 77,
  startedAtMs: 1_000,
  startedBy: 'tester',
  reason: 'a test',
};

export const rampingState = (weightPpm: number): Extract<RolloutState, { phase: 'ramping' }> => ({
  phase: 'ramping',
  plan: testPlan,
  stepIndex: testPlan.stepsPpm.indexOf(weightPpm),
  weightPpm,
  stepSinceMs: 2_000,
  hold: null,
  yDownSinceMs: null,
});
