import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchAnalysis } from '../../../bench/micro/analysis.ts';

test('the benchmark of the analysis runs', () => {
  for (const [name, us] of Object.entries(benchAnalysis(20))) assert.ok(us > 0, name);
});
