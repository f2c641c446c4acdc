import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, type PlanOverrides, type PlanSettings, planProblems } from '#src/core/rollout/plan.ts';

const defaults: PlanSettings = {
  stepsPpm: [10_000, 100_000, 1_000_000],
  bakeMs: 60_000,
  stepTimeoutMs: 1_800_000,
  onInconclusive: 'hold',
  onBadRoute: 'revert',
  soakMs: 600_000,
  holdbackPpm: 10_000,
};
const origin = { id: 'r1', salt: 7, startedAtMs: 5, startedBy: 'ana', reason: 'upgrade' };

const problemsOf = (overrides: PlanOverrides): string[] =>
  planProblems({ ...defaults, ...overrides } as PlanSettings).map(
    ({ setting, message }) => `${setting}: ${message}`,
  );

test('a plan takes what a start says and the rest from the config', () => {
  const result = buildPlan(defaults, { stepsPpm: [500_000, 1_000_000], soakMs: undefined }, origin);
  assert.deepEqual(result, {
    ok: true,
    plan: { ...origin, ...defaults, stepsPpm: [500_000, 1_000_000] },
  });
});

test('a plan does not change when the list it was made from does', () => {
  const stepsPpm = [10_000, 1_000_000];
  const result = buildPlan(defaults, { stepsPpm }, origin);
  stepsPpm[0] = 900_000;
  assert.ok(result.ok);
  assert.deepEqual(result.plan.stepsPpm, [10_000, 1_000_000]);
});

test('a plan reports everything that is wrong with it at once', () => {
  const result = buildPlan(
    defaults,
    { stepsPpm: [0, 100_000, 100_000, 0.5, 900_000], bakeMs: -1, soakMs: Number.NaN },
    origin,
  );
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map(({ setting }) => setting),
    ['stepsPpm', 'stepsPpm', 'stepsPpm', 'stepsPpm', 'bakeMs', 'soakMs'],
  );
});

const wrong: [name: string, overrides: PlanOverrides, problem: string][] = [
  ['no steps', { stepsPpm: [] }, 'stepsPpm: a rollout needs at least one step'],
  ['a last step below 100 %', { stepsPpm: [10_000] }, 'stepsPpm: the last step is 1 %, not 100 %'],
  [
    'steps that do not grow',
    { stepsPpm: [100_000, 50_000, 1_000_000] },
    'stepsPpm: step 2 is 5 %, not above 10 % before it',
  ],
  [
    'more than 100 steps',
    { stepsPpm: Array.from({ length: 101 }, (_, i) => (i + 1) * 100) },
    'stepsPpm: 101 steps are more than 100',
  ],
  [
    'a time-out before the bake is over',
    { stepTimeoutMs: 60_000 },
    'stepTimeoutMs: a step would time out after 60000 ms, before its bake of 60000 ms is over',
  ],
  ['a holdback above half', { holdbackPpm: 600_000 }, 'holdbackPpm: 60 % is not from 0 % to 50 %'],
  [
    'a soak with less on Y than the step before',
    { stepsPpm: [990_000, 1_000_000] },
    'holdbackPpm: soaking with 1 % on X would give Y no more than the 99 % of the step before',
  ],
];

for (const [name, overrides, problem] of wrong) {
  test(`a plan is refused with ${name}`, () => assert.deepEqual(problemsOf(overrides), [problem]));
}

test('a plan of one step, without a holdback and without waiting is accepted', () => {
  const overrides = { stepsPpm: [1_000_000], holdbackPpm: 0, bakeMs: 0, soakMs: 0, stepTimeoutMs: 1 };
  assert.deepEqual(problemsOf(overrides), []);
});
