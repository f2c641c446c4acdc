import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { median, medianInterval } from '../../bench/statistics.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('median is the middle, the mean of two middles, or null when there is nothing', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([]), null);
});

test('medianInterval takes the ranks of the tables of the sign test when the confidence is 95 %', () => {
  // Lower ranks as tabulated for a two-sided sign test at 5 %, for instance in Conover's Practical
  // Nonparametric Statistics.
  const tabulated: readonly [count: number, rank: number][] = [
    [6, 1],
    [8, 1],
    [9, 2],
    [12, 3],
    [15, 4],
    [20, 6],
    [21, 6],
    [25, 8],
  ];
  for (const [count, rank] of tabulated)
    assert.deepEqual(medianInterval(upTo(count)), { low: rank, high: count + 1 - rank }, `${count} values`);
});

test('medianInterval is null when no two of the values hold the median with that confidence', () => {
  assert.equal(medianInterval([]), null);
  assert.equal(medianInterval(upTo(5)), null);
  assert.deepEqual(medianInterval(upTo(5), 0.9), { low: 1, high: 5 });
});

test('medianInterval does not depend on the order of the values, and leaves them as they are', () => {
  const values = [5, 3, 9, 1, 7, 2, 8];
  assert.deepEqual(medianInterval(values), { low: 1, high: 9 });
  assert.deepEqual(values, [5, 3, 9, 1, 7, 2, 8]);
});

test('medianInterval holds the median as often as it says when values are far from normal', () => {
  const seed = 20_261_201;
  const random = createRandom(seed);
  const trials = 4_000;
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    // Pareto of index 1: no mean, outliers as on a busy machine, and a median of 2.
    const interval = medianInterval(upTo(21).map(() => 1 / (1 - random.next())));
    assert.ok(interval !== null);
    if (interval.low <= 2 && 2 <= interval.high) held++;
  }
  // 97.3 % are expected; four standard deviations of the share over so many trials are 1 %.
  const share = held / trials;
  assert.ok(share > 0.963 && share < 0.983, `held in ${share * 100} % of ${trials} trials, seed ${seed}`);
});
