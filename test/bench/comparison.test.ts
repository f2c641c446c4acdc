import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRounds, comparisonTable, verdictOf } from '../../bench/comparison.ts';
import { type Measurement, nothingMeasured } from '../../bench/measure.ts';
import type { Rounds } from '../../bench/rounds.ts';

const withCpu = (cpuUs: number | null): Measurement => ({ ...nothingMeasured, cpuUs });

/**
 * Rounds of one case in which `before` took 10 us, or what is given, and crossover that times the ratio of
 * the round.
 */
const roundsOf = (ratios: readonly number[], beforeUs: (round: number) => number = () => 10): Rounds =>
  new Map([
    [
      '1k',
      new Map([
        ['crossover', ratios.map((ratio, round) => withCpu(beforeUs(round) * ratio))],
        ['before', ratios.map((_, round) => withCpu(beforeUs(round)))],
      ]),
    ],
  ]);

const spread = (center: number, step: number) =>
  Array.from({ length: 21 }, (_, index) => center + (index - 10) * step);

test('compareRounds takes the ratio within each round when the machine is slow in some', () => {
  const slowMinute = (round: number) => (round < 10 ? 40 : 10);
  const [compared] = compareRounds(roundsOf(spread(1, 0.001), slowMinute), 'crossover', 'before');
  assert.equal(compared?.ratio.toFixed(4), '1.0000');
  assert.equal(compared?.interval?.low.toFixed(4), '0.9950');
  assert.equal(compared?.interval?.high.toFixed(4), '1.0050');
  assert.equal(compared?.rounds, 21);
});

test('compareRounds leaves out rounds in which one of both has no figure', () => {
  const rounds: Rounds = new Map([
    [
      '1k',
      new Map([
        ['crossover', [withCpu(10), withCpu(null), withCpu(30)]],
        ['before', [withCpu(10), withCpu(10), withCpu(10)]],
      ]),
    ],
  ]);
  const [compared] = compareRounds(rounds, 'crossover', 'before');
  assert.equal(compared?.ratio, 2);
  assert.equal(compared?.rounds, 2);
  assert.deepEqual(compareRounds(rounds, 'crossover', 'nginx'), []);
});

test('verdictOf says not slower when the interval holds 1 or lies below it and the median is at most 1.02', () => {
  assert.equal(verdictOf(0.9, { low: 0.85, high: 0.95 }), 'not slower');
  assert.equal(verdictOf(1.02, { low: 1, high: 1.04 }), 'not slower');
  assert.equal(verdictOf(1.03, { low: 0.98, high: 1.08 }), 'undecided');
  assert.equal(verdictOf(1.01, { low: 1.001, high: 1.02 }), 'slower');
  assert.equal(verdictOf(1, null), 'too few rounds');
});

test('comparisonTable has verdicts for a version of our own, and none for another proxy', () => {
  const judged = comparisonTable(roundsOf(spread(1.03, 0.001)), 'crossover', 'before', true);
  assert.match(judged, /1 KB GET: CPU per request \| +1\.030 \| +1\.025 to 1\.035 \| +21 \| +slower \|/);
  const unjudged = comparisonTable(roundsOf(spread(1.03, 0.001)), 'crossover', 'before', false);
  assert.doesNotMatch(unjudged, /slower/);
  assert.match(comparisonTable(roundsOf([1, 1, 1]), 'crossover', 'before', true), /too few rounds/);
});
