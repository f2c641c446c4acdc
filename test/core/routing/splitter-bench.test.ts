import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchSplitter } from '../../../bench/micro/splitter.ts';

test('the splitter benchmark measures every mode when run as a smoke test', () => {
  const figures = benchSplitter({ smoke: true });
  assert.ok(figures.length >= 5);
  for (const { mode, nsPerDecision, shareY } of figures) {
    assert.ok(nsPerDecision > 0, mode);
    // The salt differs from one decision to the next, so sticky modes are spread like chance: 25 % within 6
    // deviations.
    assert.ok(Math.abs(shareY - 0.25) < 0.026, `${mode}: ${shareY}`);
  }
});
