import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  comparisonText,
  formatChance,
  formatCount,
  formatDuration,
  formatElapsed,
  formatShare,
  makersText,
} from '#src/core/analysis/verdict-text.ts';

const table = <T>(
  name: string,
  format: (value: T) => string,
  cases: readonly (readonly [T, string])[],
): void => {
  test(name, () => {
    for (const [value, text] of cases) assert.equal(format(value), text);
  });
};

table('a count is grouped by thousands', formatCount, [
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567.6, '1,234,568'],
]);

table('a share has two significant digits, and is never rounded to none or all', formatShare, [
  [0, '0 %'],
  [0.000001, 'below 0.001 %'],
  [0.00005, '0.005 %'],
  [0.00123, '0.12 %'],
  [0.0412, '4.1 %'],
  [0.5, '50 %'],
  [0.999, '99.9 %'],
  [1, '100 %'],
]);

table('time that has passed is rounded down to seconds', formatElapsed, [
  [2_999, '2 s'],
  [3_250, '3 s'],
  [125_000, '3 min'],
]);

table('a duration is rounded up', formatDuration, [
  [1, '1 s'],
  [30_001, '31 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [121_000, '3 min'],
  [9_000_000, '2.5 h'],
]);

table('a chance is never too small', formatChance, [
  [0, '1 in 1'],
  [Math.log(19.9), '1 in 10'],
  [Math.log(20), '1 in 20'],
  [Math.log(100), '1 in 100'],
  [Math.log(3_999), '1 in 3,000'],
  [Math.log(123_456), '1 in 10^5'],
  [30, '1 in 10^13'],
]);

test('a comparison names both rates and both numbers of requests', () => {
  const text = comparisonText(
    'errors',
    { requests: 2790, failures: 3, rate: 3 / 2790 },
    { requests: 312, failures: 13, rate: 13 / 312 },
  );
  assert.equal(text, 'errors 4.2 % on Y against 0.11 % on X over 312 and 2,790 requests');
});

test('errors of services are named, and whether they count where that is known', () => {
  const made = { kong: 1, service: 1_040, gateway: 2, unattributed: 3 };
  assert.equal(makersText(made, 'kong'), '1,046 errors, of these 1,040 made by services, not counted');
  assert.equal(makersText(made, 'all'), '1,046 errors, of these 1,040 made by services, counted');
  assert.equal(makersText(made, undefined), '1,046 errors, of these 1,040 made by services');
  assert.equal(makersText({ ...made, service: 0 }, 'kong'), null);
});
