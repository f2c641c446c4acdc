import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkValue, type ValueRule } from '#src/core/analysis/value-rule.ts';

const bounds = (min: number | null, max: number | null): ValueRule => ({ kind: 'bounds', min, max });
const against = (worse: 'higher' | 'lower', timesX: number, overX: number): ValueRule => ({
  kind: 'comparison',
  worse,
  timesX,
  overX,
});

const cases: [name: string, rule: ValueRule, x: number | null, y: number, kind: string, text: RegExp][] = [
  ['at the upper bound', bounds(null, 0.5), null, 0.5, 'kept', /0\.5 on Y is within/],
  ['above the upper bound', bounds(null, 0.5), null, 0.51, 'violated', /0\.51 on Y is above max 0\.5/],
  ['below the lower bound', bounds(10, 20), null, 9.999, 'violated', /9\.999 on Y is below min 10/],
  ['as high as X allows', against('higher', 1.1, 2), 100, 112, 'kept', /the limit is 112/],
  [
    'higher than X allows',
    against('higher', 1.1, 2),
    100,
    112.1,
    'violated',
    /112\.1 .* above the limit 112/,
  ],
  ['as low as X allows', against('lower', 0.9, 5), 100, 85, 'kept', /the limit is 85/],
  ['lower than X allows', against('lower', 0.9, 5), 100, 84.9, 'violated', /84\.9 .* below the limit 85/],
  ['above zero where X is zero', against('higher', 2, 0), 0, 1, 'violated', /above the limit 0/],
  ['zero like X', against('higher', 2, 0), 0, 0, 'kept', /limit is 0/],
  ['compared with a negative X by a factor', against('higher', 1.1, 0), -5, -4, 'unclear', /negative/],
  ['compared with a negative X by a distance', against('higher', 1, 2), -5, -4, 'kept', /limit is -3/],
  ['compared with nothing', against('lower', 1, 0), null, 1, 'unclear', /no value of X/],
];

for (const [name, rule, x, y, kind, text] of cases) {
  test(`a value is ${kind} when it is ${name}`, () => {
    const check = checkValue(rule, x, y);
    assert.equal(check.kind, kind);
    assert.match(check.text, text);
  });
}
