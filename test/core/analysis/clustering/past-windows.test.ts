import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { WindowRing, type WindowRingSnapshot } from '#src/core/analysis/clustering/deflation.ts';
import { binomial } from '../traffic.ts';

type Window = readonly [nX: number, kX: number, nY: number, kY: number];

const sum = (windows: readonly Window[], column: 0 | 1 | 2 | 3): number =>
  windows.reduce((total, window) => total + window[column], 0);

/** The variation between windows from its definition, window by window. */
function naiveDeflation(windows: readonly Window[]): number {
  const used = windows.filter(([nX, , nY]) => nX + nY > 0);
  const pX = sum(used, 1) / Math.max(1, sum(used, 0));
  const pY = sum(used, 3) / Math.max(1, sum(used, 2));
  const excess = used.map(([nX, kX, nY, kY]) => kY - (nY * (kX + kY)) / (nX + nY));
  const leverage = used.map(([nX, , nY]) => (nX * nY) / (nX + nY));
  const total = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const mean = total(excess) / total(leverage);
  const squares = total(excess.map((s, v) => (s - mean * (leverage[v] ?? 0)) ** 2));
  const variance = total(
    used.map(([nX, , nY]) => {
      const share = nY / (nX + nY);
      return (1 - share) ** 2 * nY * pY * (1 - pY) + share ** 2 * nX * pX * (1 - pX);
    }),
  );
  const perWindow = total(used.map(([, , nY]) => nY * nY)) / sum(used, 2);
  const doubt = doubtOfFew * (1 - pY) * Math.max(0, 1 - 2 / perWindow);
  return Math.max(1, (squares + 1 + doubt / (variance + 1)) / (variance + 1));
}
const doubtOfFew = 25;

function ringOf(windows: readonly Window[], from = 0, ring = new WindowRing(1_000)): WindowRing {
  if (from === 0) ring.reset(0);
  for (const [v, counts] of windows.entries()) ring.add((from + v) * 1000 + 500, ...counts);
  return ring;
}

function randomWindows(count: number, seed: number): Window[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (): Window => {
    const isBad = random.next() < 0.02;
    const nX = binomial(random, 200, 0.9);
    const nY = binomial(random, 30, 0.5);
    return [nX, binomial(random, nX, 0.01), nY, binomial(random, nY, isBad ? 0.5 : 0.02)];
  });
}

for (const count of [5, 179, 181, 400, 3_700, 8_000]) {
  test(`the variation of ${count} windows is that of its definition, however old they are`, () => {
    const windows = randomWindows(count, count);
    const expected = naiveDeflation(windows);
    const actual = ringOf(windows).deflation(0);
    assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual} is not ${expected}`);
  });
}

test('windows before the evidence began do not count, but for those of its group', () => {
  const windows = randomWindows(1_000, 7);
  // Window 500 is in the group of 480 to 539.
  const actual = ringOf(windows).deflation(500_500);
  assert.ok(Math.abs(actual / naiveDeflation(windows.slice(480)) - 1) < 1e-9);
});

test('a burst that has left the ring still deflates the evidence it gave', () => {
  const calm = (seconds: number): Window[] => Array.from({ length: seconds }, (): Window => [900, 1, 100, 0]);
  const burst: Window = [900, 1, 100, 60];
  const ring = ringOf([...calm(5), burst, ...calm(100)]);
  const young = ring.deflation(5_000);
  ringOf(calm(600), 106, ring);
  const old = ring.deflation(5_000);
  assert.ok(young > 20 && old > 20, `${young}, then ${old}`);
});

test('windows that have left the ring survive a restart', () => {
  const windows = randomWindows(5_000, 11);
  const ring = ringOf(windows);
  const restored = new WindowRing(1_000);
  restored.restore(JSON.parse(JSON.stringify(ring.snapshot())) as WindowRingSnapshot);
  assert.equal(restored.deflation(0), ring.deflation(0));
  ringOf(windows, 5_000, ring);
  ringOf(windows, 5_000, restored);
  assert.equal(restored.deflation(0), ring.deflation(0));
});

test('a gap of hours ages what was there', () => {
  const [before, after] = [randomWindows(300, 13), randomWindows(300, 17)];
  const ring = ringOf(before);
  ringOf(after, 20_000, ring);
  const expected = naiveDeflation([...before, ...after]);
  assert.ok(Math.abs(ring.deflation(0) / expected - 1) < 1e-9);
  assert.ok(Math.abs(ring.deflation(20_000_000) / naiveDeflation(after) - 1) < 1e-9);
});
