import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { AbsoluteCap } from '#src/core/analysis/e-process/absolute-cap.ts';
import { PPM } from '#src/limits.ts';
import { binomial } from '../traffic.ts';

const cap = 0.05;

/** Evidence after `seconds` of 1000 requests each, or the second in which it reached the bar. */
function run(
  seed: number,
  seconds: number,
  weight: number,
  pX: number,
  pY: number,
): { log: number; at: number | null } {
  const random = createRandom(seed);
  const test = new AbsoluteCap(cap, null);
  for (let second = 1; second <= seconds; second++) {
    const nY = binomial(random, 1000, weight);
    const nX = 1000 - nY;
    test.beginTick(second * 1000, 1000);
    test.add(1, weight * PPM, nX, binomial(random, nX, pX), nY, binomial(random, nY, pY), 0.001);
    if (test.logEvidence() >= Math.log(100)) return { log: test.logEvidence(), at: second };
  }
  return { log: test.logEvidence(), at: null };
}

test('a cap finds a Y above it while X is well below', () => {
  for (let seed = 1; seed <= 20; seed++) {
    assert.ok((run(seed, 120, 0.1, 0.001, 0.1).at ?? 999) <= 60, `10 % on Y, seed ${seed}`);
    assert.ok((run(seed, 120, 0.1, 0.001, 1).at ?? 999) <= 2, `100 % on Y, seed ${seed}`);
    assert.ok((run(seed, 120, 0.99, 0.001, 0.2).at ?? 999) <= 60, `20 % on Y with 1 % on X, seed ${seed}`);
  }
});

test('a cap says nothing when X is above it as well', () => {
  for (let seed = 1; seed <= 20; seed++) {
    for (const weight of [0.01, 0.1, 0.5, 0.99])
      assert.ok(run(seed, 60, weight, 0.3, 0.3).log < 0, `seed ${seed}, weight ${weight}`);
    assert.ok(run(seed, 60, 0.1, 0.3, 1).log < 0, `seed ${seed}`);
  }
});

test('a cap decides by Y alone where Y gets everything', () => {
  assert.ok((run(1, 60, 1, 0, 0.1).at ?? 999) <= 10);
  assert.equal(run(1, 60, 1, 0, 0.04).at, null);
});

test('evidence for a cap with Y exactly on it, or X, stays below the bar', () => {
  let crossed = 0;
  for (let seed = 1; seed <= 300; seed++) {
    if (run(seed, 120, 0.1, 0.001, cap).at !== null) crossed++;
    if (run(seed + 1000, 120, 0.5, cap, 0.5).at !== null) crossed++;
  }
  // 6 of 600 on average at most; 14 or more has a chance of 0.4 %.
  assert.ok(crossed <= 13, `${crossed} of 600 runs crossed the bar`);
});

test('a cap goes on after a restore as if nothing had happened', () => {
  const first = new AbsoluteCap(cap, { perSecond: 8, burst: 6 });
  first.beginTick(1_000, 1_000);
  first.add(1, 100_000, 900, 1, 100, 30, 0.001);
  first.add(2, 100_000, 900, 1, 0, 0, 0.001);
  const second = new AbsoluteCap(cap, { perSecond: 8, burst: 6 });
  second.restore(JSON.parse(JSON.stringify(first.snapshot())));
  for (const copy of [first, second]) {
    copy.beginTick(2_000, 1_000);
    copy.add(2, 100_000, 0, 0, 100, 30, 0.5);
  }
  assert.equal(second.logEvidence(), first.logEvidence());
  assert.ok(first.logEvidence() > 6);
});
