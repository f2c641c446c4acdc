import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { WindowRing } from '#src/core/analysis/clustering/deflation.ts';
import { binomial } from '../traffic.ts';

/**
 * A ring of 1-second windows with these failures on Y per second, of 100 requests, beside 900 calm ones on X.
 */
function ringOf(failures: readonly number[], kX = 1): WindowRing {
  const ring = new WindowRing(1_000);
  ring.reset(0);
  for (const [second, kY] of failures.entries()) ring.add(second * 1000 + 500, 900, kX, 100, kY);
  return ring;
}

test('independent failures are hardly deflated', () => {
  const random = createRandom(1);
  let sum = 0;
  for (let run = 0; run < 200; run++)
    sum += ringOf(Array.from({ length: 60 }, () => binomial(random, 100, 0.05))).deflation(0);
  assert.ok(sum / 200 < 1.2, `${sum / 200}`);
});

test('a burst in one window is deflated, the same number spread evenly is not', () => {
  const burst = Array.from({ length: 20 }, (_, second) => (second === 10 ? 60 : 0));
  const even = Array.from({ length: 20 }, () => 3);
  assert.ok(ringOf(burst).deflation(0) > 20);
  assert.ok(ringOf(burst).ofY.deflation(0) > 20);
  assert.equal(ringOf(even).deflation(0), 1);
  assert.equal(ringOf(even).ofY.deflation(0), 1);
});

test('a few failures count as clustered even when they come one by one, unless no burst could hide', () => {
  const ofWindows = (windows: readonly (readonly [nY: number, kY: number])[]): number => {
    const ring = new WindowRing(1_000);
    ring.reset(0);
    for (const [second, [nY, kY]] of windows.entries()) ring.add(second * 1000 + 500, 990, 1, nY, kY);
    return ring.deflation(0);
  };
  const each = (count: number, nY: number, kY: (second: number) => number): (readonly [number, number])[] =>
    Array.from({ length: count }, (_, second) => [nY, kY(second)]);
  const four = ofWindows(each(8, 10, (second) => second % 2));
  assert.ok(four > 1.4 && four < 2, `four failures of 80: ${four}`);
  assert.equal(ofWindows(each(24, 100, (second) => second % 2)), 1, 'twelve failures of 2,400');
  assert.equal(ofWindows(each(8, 10, () => 10)), 1, 'everything fails');
  assert.equal(ofWindows(each(16, 1, (second) => second % 2)), 1, 'a request a second');
});

test('trouble that both arms share is not a cluster of Y', () => {
  const ring = new WindowRing(1_000);
  for (let second = 0; second < 20; second++) {
    const bad = second % 5 === 0;
    ring.add(second * 1000, 900, bad ? 270 : 1, 100, bad ? 30 : 0);
  }
  assert.ok(ring.deflation(0) < 1.5, `${ring.deflation(0)}`);
});

test('young evidence is judged by the seven windows up to now, older evidence by all since it began', () => {
  const failures = Array.from({ length: 40 }, (_, second) => (second < 10 || second >= 35 ? 50 : 0));
  const ring = ringOf(failures);
  assert.equal(ring.sum(2, 39_000), 700);
  assert.equal(ring.sum(2, 20_000), 2_000);
  assert.equal(ring.sum(3, 39_000), 250);
  assert.equal(ring.sum(0, 0), 36_000);
});

test('a window counts when it is over and Y had traffic in it', () => {
  const ring = new WindowRing(1_000);
  ring.reset(10_000);
  assert.equal(ring.yWindows(10_000), 0);
  ring.add(10_125, 9, 0, 1, 0);
  ring.add(10_875, 9, 0, 1, 0);
  assert.equal(ring.yWindows(10_999), 0);
  assert.equal(ring.yWindows(11_000), 1);
  ring.add(11_125, 9, 0, 0, 0);
  assert.equal(ring.yWindows(12_000), 1);
  ring.add(15_500, 9, 0, 1, 0);
  assert.equal(ring.yWindows(15_750), 1);
  assert.equal(ring.yWindows(16_000), 2);
  ring.reset(20_000);
  assert.equal(ring.yWindows(30_000), 0);
});

test('windows older than the ring are forgotten, gaps are empty', () => {
  const ring = ringOf(Array.from({ length: 300 }, () => 1));
  assert.equal(ring.sum(3, 0), 180);
  ring.add(400_500, 900, 1, 100, 7);
  assert.equal(ring.sum(3, 0), 79 + 7);
  ring.add(4_000_500, 900, 1, 100, 5);
  assert.equal(ring.sum(3, 0), 5);
});
