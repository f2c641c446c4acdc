// Rollout plans and states for tests.
import type { Verdict } from '#src/core/analysis/verdict.ts';
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

const noRates = { requestsPerSecond: 0, failureRate: 0 };

/** A verdict that holds because of one bad route. */
export const badRouteVerdict = (name: string, slot: number): Verdict => ({
  decision: 'hold',
  rule: 'suspicion',
  text: `route ${name}: errors`,
  logEvidence: 0,
  logEvidenceBar: 4.6,
  logSafeBar: 3,
  cause: `route.${name}`,
  streams: [],
  samplesNeeded: null,
  secondsNeeded: null,
  xHealthy: true,
  last10s: { x: noRates, y: noRates },
  last60s: { x: noRates, y: noRates },
  badRoutes: [{ slot, name, text: `route ${name}: errors` }],
});
