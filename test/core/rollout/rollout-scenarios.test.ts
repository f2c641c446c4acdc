// Every scenario file must come out as it is written. UPDATE_SCENARIOS=1 rewrites the results, for review in
// the diff.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runScenario } from './scenario.ts';

const folder = new URL('./scenarios/', import.meta.url);

for (const file of readdirSync(folder).sort()) {
  test(`rollout follows ${file}`, () => {
    const path = new URL(file, folder);
    const expected = readFileSync(path, 'utf8');
    const actual = runScenario(expected);
    if (process.env.UPDATE_SCENARIOS === '1') writeFileSync(path, actual);
    else assert.equal(actual, expected);
  });
}
