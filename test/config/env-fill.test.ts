// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillEnv } from '#src/config/env-fill.ts';

const env = { SET: 'value', EMPTY: '', DOLLAR: '$& ${SET}' };
const cases: readonly [name: string, text: string, filled: string][] = [
  ['the variable is set', 'a ${SET} b ${SET}', 'a value b value'],
  ['the default is not needed', '${SET:-other}', 'value'],
  ['the variable is not set', '${UNSET:-other}', 'other'],
  ['the variable is empty', '${EMPTY:-other}', 'other'],
  ['an empty variable has no default', '[${EMPTY}]', '[]'],
  ['the default is empty', '[${UNSET:-}]', '[]'],
  ['the default has the characters of a URL', '${UNSET:-http://a:1/$x?y}', 'http://a:1/$x?y'],
  ['the value holds references of its own', '${DOLLAR}', '$& ${SET}'],
  ['the characters themselves are meant', '$${SET} $SET $$', '${SET} $SET $$'],
];
for (const [name, text, filled] of cases) {
  test(`fillEnv gives ${filled} when ${name}`, () => {
    const result = fillEnv(text, env);
    assert.deepEqual([result.text, result.faults], [filled, []]);
  });
}

test('fillEnv tells whether anything was filled in', () => {
  assert.equal(fillEnv('4', env).isFilled, false);
  assert.equal(fillEnv('$${SET}', env).isFilled, false);
  assert.equal(fillEnv('${SET}', env).isFilled, true);
});

test('fillEnv reports every variable that is not set and every reference that is none', () => {
  const { faults } = fillEnv('${UNSET} ${1} ${SET ${ALSO_UNSET}', env);
  assert.deepEqual(
    faults.map(({ message }) => message),
    [
      'the environment variable UNSET is not set',
      '"${" does not begin a variable',
      '"${" does not begin a variable',
      'the environment variable ALSO_UNSET is not set',
    ],
  );
});
