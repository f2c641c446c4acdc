import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passageRange } from '#src/core/analysis/e-process/first-passage.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { formatRange } from '#src/core/analysis/verdict-text.ts';
import { forecastRollout } from '#src/core/rollout/forecast.ts';
import { buildPlan } from '#src/core/rollout/plan.ts';
import type { HoldReason, RolloutState } from '#src/core/rollout/rollout-state.ts';
import { stateAtStep } from '#src/core/rollout/transitions.ts';

const built = buildPlan(
  {
    stepsPpm: [100_000, 500_000, 1_000_000],
    bakeMs: 60_000,
    stepTimeoutMs: 600_000,
    onInconclusive: 'hold',
    onBadRoute: 'revert',
    soakMs: 300_000,
    holdbackPpm: 10_000,
  },
  {},
  { id: 'r1', salt: 0, startedAtMs: 0, startedBy: 'ana', reason: 'upgrade' },
);
assert.ok(built.ok);
const plan = built.plan;

const rates = {
  x: { requestsPerSecond: 90, failureRate: 0 },
  y: { requestsPerSecond: 10, failureRate: 0 },
};
const verdict: Verdict = {
  decision: 'hold',
  rule: 'needs-samples',
  text: 'needs more',
  logEvidence: 0,
  logEvidenceBar: 4.6,
  logSafeBar: 3,
  cause: null,
  streams: [],
  samplesNeeded: 2000,
  secondsNeeded: 200,
  needs: {
    stream: 'errors',
    requests: 2000,
    seconds: 200,
    range: { fromSeconds: 100, toSeconds: 400 },
  },
  xHealthy: true,
  last10s: rates,
  last60s: rates,
};
const { needs: _, ...ready } = verdict;

const held = (name: HoldReason['name'] | null, stepIndex = 0): RolloutState =>
  stateAtStep(plan, stepIndex, 0, name === null ? null : { name, text: name });

const forecast = (state: RolloutState, facts: Partial<Parameters<typeof forecastRollout>[0]> = {}) =>
  forecastRollout({ state, verdict, atMs: 10_000, requestsForStep: () => 30_000, ...facts });

describe('a forecast of the rollout', () => {
  it('is that of the proof, where it takes longer than the bake', () => {
    const told = forecast(held('needs-samples'));
    assert.deepEqual(told?.step, { fromSeconds: 100, toSeconds: 400 });
    // 30,000 requests at half of 100 a second, and five minutes of soak.
    assert.ok(told.rollout !== null);
    const mean = 200 + 600 + 300;
    assert.ok(told.rollout.fromSeconds < mean && told.rollout.toSeconds > mean);
    assert.ok(told.rollout.fromSeconds > 100 + 300, 'never sooner than the soak allows');
  });

  it('is what is left of the bake, where the proof is there', () => {
    const told = forecast(held('bake'), { verdict: ready });
    assert.deepEqual(told?.step, { fromSeconds: 50, toSeconds: 50 });
  });

  it('waits for the warm-up before a share that grows beyond it', () => {
    const told = forecast(held('warmup'), { verdict: { ...ready, warmupSeconds: 90 } });
    assert.deepEqual(told?.step, { fromSeconds: 90, toSeconds: 90 });
  });

  it('knows the end of a soak', () => {
    const told = forecast(held('bake', 2));
    assert.deepEqual(told, {
      step: { fromSeconds: 290, toSeconds: 290 },
      rollout: { fromSeconds: 290, toSeconds: 290 },
    });
  });

  it('is none while something holds whose end nobody can foresee', () => {
    for (const name of ['gate', 'freeze', 'suspicion', 'no-data', 'x-unhealthy'] as const)
      assert.deepEqual(forecast(held(name)), { step: null, rollout: null }, name);
  });

  it('is none of the rollout where a later step would never end', () => {
    const told = forecast(held('needs-samples'), { requestsForStep: () => null });
    assert.ok(told?.step !== null && told?.rollout === null);
  });

  it('is none where no requests arrive', () => {
    const noRate = { requestsPerSecond: 0, failureRate: 0 };
    const silent = { ...ready, last60s: { x: noRate, y: noRate } };
    assert.equal(forecast(held('bake'), { verdict: silent })?.rollout, null);
  });

  it('is null where no rollout moves by itself', () => {
    assert.equal(forecast({ phase: 'idle', weightPpm: 0 }), null);
    assert.equal(forecast({ phase: 'completed', plan, weightPpm: 1_000_000, sinceMs: 0 }), null);
  });
});

describe('the range of a proof', () => {
  it('is narrower, the more of the proof is still missing', () => {
    const [near, far] = [passageRange(0.5), passageRange(8)];
    assert.ok(near.from < far.from && far.from < 1 && 1 < far.to && far.to < near.to);
  });

  it('has the quantiles of the inverse Gaussian distribution', () => {
    // Shape 2, by bisection on the distribution with the complementary error function.
    const { from, to } = passageRange(4);
    assert.ok(Math.abs(from - 0.357) < 0.001, `${from}`);
    assert.ok(Math.abs(to - 1.886) < 0.001, `${to}`);
  });
});

describe('a range of seconds', () => {
  it('is written with one unit where both ends have it', () => {
    assert.equal(formatRange(40, 60), '40 to 60 s');
    assert.equal(formatRange(50, 240), '50 s to 4 min');
    assert.equal(formatRange(300, 900), '5 to 15 min');
  });

  it('is one figure where both ends are alike, and has no beginning below a second', () => {
    assert.equal(formatRange(299.2, 299.9), '5 min');
    assert.equal(formatRange(0.4, 12), 'up to 12 s');
  });
});
