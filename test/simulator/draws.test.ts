import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { AliasTable, drawBinomial, drawPoisson } from '#src/simulator/draws.ts';

const runs = 40_000;

/**
 * Pearson's statistic of the draws against the expected shares; cells below 5 expected are pooled into one.
 */
function chiSquare(draws: readonly number[], shareOf: (value: number) => number, valueMax: number) {
  let statistic = 0;
  let cells = 0;
  let pooledExpected = 0;
  let pooledSeen = 0;
  const seen = new Map<number, number>();
  for (const value of draws) seen.set(value, (seen.get(value) ?? 0) + 1);
  for (let value = 0; value <= valueMax; value++) {
    const expected = shareOf(value) * draws.length;
    const count = seen.get(value) ?? 0;
    if (expected < 5) {
      pooledExpected += expected;
      pooledSeen += count;
      continue;
    }
    statistic += (count - expected) ** 2 / expected;
    cells++;
  }
  if (pooledExpected > 0.5) {
    statistic += (pooledSeen - pooledExpected) ** 2 / pooledExpected;
    cells++;
  }
  // Mean and standard deviation of the statistic are cells - 1 and the root of twice that.
  return (statistic - (cells - 1)) / Math.sqrt(2 * (cells - 1));
}

function binomialShares(n: number, p: number): number[] {
  const shares = [(1 - p) ** n];
  for (let k = 1; k <= n; k++) shares.push((shares[k - 1] as number) * ((n - k + 1) / k) * (p / (1 - p)));
  return shares;
}

for (const [n, p] of [
  [25, 0.001],
  [25, 0.3],
  [250, 0.1],
  [100, 0.4],
  [60, 0.9],
] as const) {
  test(`binomial draws of ${n} at ${p} have their exact distribution`, () => {
    const random = createRandom(5);
    const shares = binomialShares(n, p);
    const draws = Array.from({ length: runs }, () => drawBinomial(random, n, p));
    const deviations = chiSquare(draws, (value) => shares[value] ?? 0, n);
    assert.ok(Math.abs(deviations) < 4, `${deviations} standard deviations, seed 5`);
  });
}

test('poisson draws have mean and variance of their mean', () => {
  for (const mean of [0.25, 3, 250]) {
    const random = createRandom(6);
    const draws = Array.from({ length: runs }, () => drawPoisson(random, mean));
    const average = draws.reduce((sum, value) => sum + value, 0) / runs;
    const variance = draws.reduce((sum, value) => sum + (value - average) ** 2, 0) / runs;
    assert.ok(Math.abs(average - mean) < 4 * Math.sqrt(mean / runs), `mean ${average} for ${mean}, seed 6`);
    assert.ok(Math.abs(variance / mean - 1) < 0.06, `variance ${variance} for ${mean}, seed 6`);
  }
});

test('binomial draws stay within their bounds at the edges', () => {
  const random = createRandom(7);
  assert.equal(drawBinomial(random, 10, 0), 0);
  assert.equal(drawBinomial(random, 10, 1), 10);
  assert.equal(drawBinomial(random, 0, 0.5), 0);
  for (let i = 0; i < 10_000; i++) {
    const value = drawBinomial(random, 40, 0.5);
    assert.ok(Number.isInteger(value) && value >= 0 && value <= 40);
  }
});

test('alias table draws indices by their weights, and none without weight', () => {
  const weights = [0, 1, 2, 0, 5];
  const table = new AliasTable(weights);
  const random = createRandom(8);
  const draws = Array.from({ length: runs }, () => table.draw(random));
  const deviations = chiSquare(draws, (value) => (weights[value] ?? 0) / 8, 4);
  assert.ok(Math.abs(deviations) < 4, `${deviations} standard deviations, seed 8`);
  assert.ok(!draws.includes(0) && !draws.includes(3));
});
