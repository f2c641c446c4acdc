// The baselines by what their rules are known to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateBaseline } from '#src/simulator/baseline-simulation.ts';
import type { BaselineName } from '#src/simulator/baselines.ts';
import { isHigh } from '#src/simulator/kayenta.ts';
import type { Scenario } from '#src/simulator/scenario.ts';
import { scenarioByName } from '#src/simulator/scenarios/all-scenarios.ts';
import { randomOfRun } from '#src/simulator/simulation.ts';

function scenario(name: string): Scenario {
  const found = scenarioByName.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

const run = (name: string, baseline: BaselineName) =>
  simulateBaseline(scenario(name), baseline, randomOfRun(1, name, 0));

test('baselines roll 5 % errors back after the checks that their rules take', () => {
  const seconds = (baseline: BaselineName) => run('found/5', baseline).seconds;
  assert.equal(seconds('Flagger'), 360);
  assert.equal(seconds('fast Flagger'), 30);
  assert.equal(seconds('Argo'), 240);
  assert.equal(seconds('Kayenta60'), 60);
});

test('absolute thresholds let half a point of errors through to full weight', () => {
  for (const baseline of ['Flagger', 'Argo'] as const) {
    const { end, extraFailures } = run('worse/0.6', baseline);
    assert.equal(end, 'promoted');
    assert.ok(extraFailures > 100, `${extraFailures}`);
  }
});

test('a baseline goes up one step a minute when nothing is wrong', () => {
  const { end, seconds } = run('clean/errors-0.1', 'Flagger');
  assert.equal(end, 'promoted');
  assert.equal(seconds, 5 * 60);
});

test('kayenta calls a metric high when its interval and its mean say so', () => {
  const low = [10, 11, 9, 10, 12, 8, 10, 11, 9, 10, 10.5, 9.5];
  const high = low.map((value) => value * 2);
  assert.ok(isHigh(low, high, 1));
  assert.ok(!isHigh(low, low, 1));
  assert.ok(!isHigh(high, low, 1));
  assert.ok(!isHigh(low, high, 2.5));
  assert.ok(!isHigh([], high, 1));
});

test('kayenta ignores the means when one is zero', () => {
  const none = new Array<number>(12).fill(0);
  const some = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3];
  assert.ok(isHigh(none, some, 1000));
});
