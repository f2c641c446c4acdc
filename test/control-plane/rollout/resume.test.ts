import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resume } from '#src/control-plane/rollout/resume.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { rampingState } from '../support/states.ts';

const published = (weightPpm: number) => ({ epoch: 3, weightPpm, salt: 5 });
const ramping = rampingState(250_000);

test('resume publishes X alone when nothing is recorded and nothing is published', () => {
  const { state, weightPpm } = resume({ recorded: null, published: null });
  assert.deepEqual([state.phase, weightPpm], ['idle', 0]);
});

test('resume keeps what workers use when the store cannot be read', () => {
  const result = resume({ recorded: undefined, published: published(70_000) });
  assert.deepEqual([result.state.weightPpm, result.weightPpm, result.salt], [70_000, 70_000, 5]);
});

test('resume publishes X alone when the store cannot be read and nothing is published', () => {
  assert.equal(resume({ recorded: undefined, published: null }).weightPpm, 0);
});

test('resume publishes what was recorded when the process is new', () => {
  const result = resume({ recorded: ramping, published: null });
  assert.deepEqual(
    [result.weightPpm, result.salt, result.differingWeightPpm],
    [250_000, ramping.plan.salt, null],
  );
});

const differences: readonly [name: string, recorded: RolloutState, publishedPpm: number][] = [
  ['an advance was recorded but not published', ramping, 100_000],
  ['a revert was published but not recorded', ramping, 0],
  ['more is published than recorded', ramping, 500_000],
  ['a hand-set split was lowered but not recorded', { phase: 'idle', weightPpm: 300_000 }, 200_000],
];
for (const [name, recorded, publishedPpm] of differences) {
  test(`resume publishes the lower weight and reports the difference when ${name}`, () => {
    const result = resume({ recorded, published: published(publishedPpm) });
    assert.equal(result.weightPpm, Math.min(recorded.weightPpm, publishedPpm));
    assert.equal(result.differingWeightPpm, publishedPpm);
    assert.equal(result.state, recorded);
  });
}

test('resume reports no difference when published and recorded agree', () => {
  assert.equal(resume({ recorded: ramping, published: published(250_000) }).differingWeightPpm, null);
});
