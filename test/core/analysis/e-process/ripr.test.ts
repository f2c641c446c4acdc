import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '#src/base/random.ts';
import {
  blockLogEvidence,
  growthPerY,
  logRatio,
  projectOntoBoundary,
} from '#src/core/analysis/e-process/ripr.ts';

/** Equal to the eight digits that were published. */
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual / expected - 1) < 2e-7, `${actual} is not ${expected}`);

// Golden values of a reference implementation: a, b, nX, nY, R, d, then the root, its image and the growth
// rate per Y.
const golden: readonly (readonly [number, number, number, number, number, number, number, number, number])[] =
  [
    [0.001, 0.006, 900, 100, 1.1, 0.0002, 0.001417751, 0.0017595261, 0.0037477343],
    [0.001, 0.5, 9, 1, 1.1, 0.0002, 0.050461823, 0.055708005, 1.2005919],
    [0.5, 0.6, 50, 50, 1, 0.01, 0.54509109, 0.55509109, 0.008199489],
    [0.001, 0.001, 500, 500, 1.1, 0.002, 0.00059288733, 0.0026521761, 0.00079388448],
    [0.01, 0.9, 99, 1, 1, 0, 0.018900002, 0.018900002, 3.5034325],
  ];

for (const [a, b, nX, nY, timesX, over, x0, y0, growth] of golden) {
  test(`the projection of (${a}, ${b}) for ${nX} and ${nY} requests has its golden values`, () => {
    const x = projectOntoBoundary(a, b, nX, nY, timesX, over);
    near(x, x0);
    near(timesX * x + over, y0);
    near(growthPerY(a, b, nX / nY, timesX, over), growth);
  });
}

/**
 * A random design: alternative off the boundary, and a point of the null on the other side of it or on it.
 */
const designs = fc
  .record({
    timesX: fc.double({ min: 1, max: 3, noNaN: true }),
    over: fc.double({ min: 0, max: 0.3, noNaN: true }),
    a: fc.double({ min: 1e-6, max: 0.999, noNaN: true }),
    b: fc.double({ min: 1e-6, max: 0.995, noNaN: true }),
    nX: fc.integer({ min: 1, max: 5_000 }),
    nY: fc.integer({ min: 1, max: 5_000 }),
    nullX: fc.double({ min: 0, max: 1, noNaN: true }),
    inside: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .filter(({ timesX, over, a, b }) => {
    const boundary = timesX * a + over;
    return boundary < 0.999 && Math.abs(b - boundary) > 1e-6 * boundary;
  });

/**
 * ln of the expectation of a block's e-value when each X request fails with `x` and each Y request with `y`.
 */
function logExpectation(
  d: { a: number; b: number; nX: number; nY: number },
  x: number,
  y: number,
  x0: number,
  y0: number,
) {
  const factor = (p: number, alternative: number, projection: number): number =>
    Math.log((p * alternative) / projection + ((1 - p) * (1 - alternative)) / (1 - projection));
  return d.nX * factor(x, d.a, x0) + d.nY * factor(y, d.b, y0);
}

test('the e-value of a block has an expectation of at most 1 at every point of the null', () => {
  fc.assert(
    fc.property(designs, (d) => {
      const x0 = projectOntoBoundary(d.a, d.b, d.nX, d.nY, d.timesX, d.over);
      const y0 = d.timesX * x0 + d.over;
      const x = Math.min(d.nullX, (1 - d.over) / d.timesX);
      const onBoundary = d.timesX * x + d.over;
      const worse = d.b > d.timesX * d.a + d.over;
      const y = worse ? onBoundary * d.inside : onBoundary + (1 - onBoundary) * d.inside;
      const log = logExpectation(d, x, y, x0, y0);
      assert.ok(!(log > 1e-9), `ln E = ${log}`);
    }),
    { numRuns: 20_000 },
  );
});

test('the projection stays between the two ends of the alternative', () => {
  fc.assert(
    fc.property(designs, ({ a, b, nX, nY, timesX, over }) => {
      const x0 = projectOntoBoundary(a, b, nX, nY, timesX, over);
      const other = (b - over) / timesX;
      assert.ok(x0 >= Math.min(a, other) - 1e-12 && x0 <= Math.max(a, other) + 1e-12);
      assert.ok(x0 > 0 && timesX * x0 + over < 1);
    }),
    { numRuns: 5_000 },
  );
});

test('more failures on Y never lower the evidence that Y is worse, and more on X never raise it', () => {
  const random = createRandom(11);
  for (let run = 0; run < 2_000; run++) {
    const a = 10 ** (-6 + 5.5 * random.next());
    const timesX = 1 + random.next();
    const over = 0.01 * random.next();
    const boundary = timesX * a + over;
    if (boundary > 0.9) continue;
    const b = boundary + (0.995 - boundary) * random.next() ** 3;
    const nX = 1 + Math.floor(random.next() * 1000);
    const nY = 1 + Math.floor(random.next() * 1000);
    const kX = Math.floor(random.next() * nX);
    const kY = Math.floor(random.next() * nY);
    const evidence = blockLogEvidence(nX, kX, nY, kY, a, b, timesX, over);
    assert.ok(blockLogEvidence(nX, kX, nY, kY + 1, a, b, timesX, over) >= evidence);
    assert.ok(blockLogEvidence(nX, kX + 1, nY, kY, a, b, timesX, over) <= evidence);
  }
});

/** The closed form for rare events: no root, exact in the Poisson limit. */
function closedForm(
  nX: number,
  kX: number,
  nY: number,
  kY: number,
  rho: number,
  timesX: number,
  over: number,
): number {
  const w = nY / (nX + nY);
  const both = w * timesX + 1 - w;
  const bothWorse = w * rho + 1 - w;
  const perY = Math.log((rho / timesX) * (both / bothWorse));
  return kY * perY + kX * Math.log(both / bothWorse) - over * nY * (Math.exp(perY) - 1);
}

test('the evidence equals the closed form where events are rare and the boundary is a ratio', () => {
  for (const [a, rho] of [
    [1e-5, 2],
    [1e-5, 6],
    [1e-6, 30],
  ] as const) {
    for (const [nX, kX, nY, kY] of [
      [9000, 1, 1000, 0],
      [9000, 0, 1000, 2],
      [500, 1, 500, 1],
    ] as const) {
      const expected = closedForm(nX, kX, nY, kY, rho, 1.1, 0);
      const actual = blockLogEvidence(nX, kX, nY, kY, a, rho * a, 1.1, 0);
      assert.ok(Math.abs(actual - expected) < 0.01, `${actual} is not about ${expected}`);
    }
  }
});

test('with an offset the evidence gathers as much as the closed form does, on average', () => {
  const random = createRandom(5);
  let exact = 0;
  let closed = 0;
  for (let block = 0; block < 3_000; block++) {
    let kX = 0;
    let kY = 0;
    for (let i = 0; i < 900; i++) if (random.next() < 0.001) kX++;
    for (let i = 0; i < 100; i++) if (random.next() < 0.006) kY++;
    exact += blockLogEvidence(900, kX, 100, kY, 0.001, 0.006, 1.1, 0.0002);
    closed += closedForm(900, kX, 100, kY, 6, 1.1, 0.0002);
  }
  assert.ok(exact > 900 && Math.abs(exact / closed - 1) < 0.1, `${exact} against ${closed}`);
});

test('the likelihood ratio of a rate with itself is nothing', () => {
  assert.equal(logRatio(10, 3, 0.2, 0.2), 0);
  assert.equal(logRatio(10, 0, 0.2, 0.2), 0);
  assert.equal(logRatio(10, 10, 0.2, 0.2), 0);
});
