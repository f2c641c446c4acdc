import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bucketShift,
  bucketUpperMs,
  countAbove,
  DecayedHistogram,
  latencyBucketIndex,
  latencyBucketIndexByDefinition,
  quantileBucket,
  quantileBucketOfSums,
  quantileMs,
  suffixSums,
} from '#src/core/telemetry/histogram.ts';
import { latencyBucketCount } from '#src/limits.ts';

/** The double that follows or precedes `value` > 0. */
function neighbour(value: number, by: 1n | -1n): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] ?? 0n) + by;
  return new Float64Array(bits.buffer)[0] ?? Number.NaN;
}

test('a latency has the bucket of the definition for every double', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (ms) => {
      assert.equal(latencyBucketIndex(ms), latencyBucketIndexByDefinition(ms));
    }),
    { numRuns: 20_000 },
  );
  fc.assert(
    fc.property(fc.double({ min: -4, max: 14, noNaN: true }), (log) => {
      const ms = Math.exp(log);
      assert.equal(latencyBucketIndex(ms), latencyBucketIndexByDefinition(ms));
    }),
    { numRuns: 50_000 },
  );
});

test('a latency at an edge has the bucket of the definition, and so have both its neighbours', () => {
  for (let j = 0; j < latencyBucketCount; j++) {
    const edge = bucketUpperMs(j);
    for (const ms of [neighbour(edge, -1n), edge, neighbour(edge, 1n)])
      assert.equal(latencyBucketIndex(ms), latencyBucketIndexByDefinition(ms), `${ms} ms`);
    assert.equal(latencyBucketIndex(edge), j);
  }
});

test('a latency outside of the range has the first or the last bucket', () => {
  for (const ms of [-1, 0, 0.1, Number.NaN, Number.NEGATIVE_INFINITY])
    assert.equal(latencyBucketIndex(ms), 0);
  for (const ms of [160_000, 1e300, Number.POSITIVE_INFINITY])
    assert.equal(latencyBucketIndex(ms), latencyBucketCount - 1);
});

test('a bucket edge is 2 % above the one before', () => {
  for (let j = 1; j < latencyBucketCount; j++)
    assert.ok(Math.abs(bucketUpperMs(j) / bucketUpperMs(j - 1) - 1.02) < 1e-9);
});

test('a factor on latency is a shift that is rounded up', () => {
  assert.equal(bucketShift(1), 0);
  assert.equal(bucketShift(1.02), 1);
  assert.equal(bucketShift(1.1), 5);
  assert.equal(bucketShift(1.5), 21);
});

test('a quantile is at most one bucket above the exact one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.05, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.75, 0.9, 0.95, 0.99),
      (latencies, q) => {
        const counts = new Float64Array(latencyBucketCount);
        for (const ms of latencies) {
          const j = latencyBucketIndex(ms);
          counts[j] = (counts[j] ?? 0) + 1;
        }
        const sorted = [...latencies].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(q * sorted.length - 1e-9) - 1] ?? Number.NaN;
        assert.equal(quantileBucket(counts, q), latencyBucketIndex(exact));
        const sums = new Float64Array(latencyBucketCount + 1);
        suffixSums(counts, sums);
        assert.equal(quantileBucketOfSums(sums, q), latencyBucketIndex(exact));
        for (let j = 0; j < latencyBucketCount; j += 7) assert.equal(sums[j + 1], countAbove(counts, j));
      },
    ),
  );
});

test('an empty histogram has no quantile', () => {
  assert.equal(quantileBucket(new Float64Array(latencyBucketCount), 0.5), -1);
  assert.equal(quantileMs(new Float64Array(latencyBucketCount), 0.5), null);
});

test('the count above a bucket is the sum of those after it', () => {
  const counts = new Float64Array(latencyBucketCount);
  counts[10] = 1;
  counts[11] = 2;
  counts[latencyBucketCount - 1] = 4;
  assert.equal(countAbove(counts, 9), 7);
  assert.equal(countAbove(counts, 10), 6);
  assert.equal(countAbove(counts, latencyBucketCount - 1), 0);
});

/** Decayed count above bucket `j`; from -1 on, all of it. */
function above(history: DecayedHistogram, j: number): number {
  const sums = new Float64Array(latencyBucketCount + 1);
  history.suffixSums(sums);
  return sums[j + 1] ?? Number.NaN;
}

test('a decayed histogram halves once per half-life', () => {
  const history = new DecayedHistogram(60_000);
  const counts = new Float64Array(latencyBucketCount);
  counts[100] = 80;
  history.add(counts);
  for (let tick = 0; tick < 240; tick++) history.decay(250);
  assert.ok(Math.abs(above(history, -1) - 40) < 1e-9);
  counts[100] = 0;
  counts[200] = 10;
  history.add(counts);
  assert.ok(Math.abs(above(history, 100) - 10) < 1e-9);
  assert.ok(Math.abs(above(history, -1) - 50) < 1e-9);
});

test('a decayed histogram goes on after days, after a long gap, and after a restore', () => {
  const history = new DecayedHistogram(60_000);
  const counts = new Float64Array(latencyBucketCount);
  counts[5] = 100;
  for (let minute = 0; minute < 3 * 24 * 60; minute++) {
    history.decay(60_000);
    history.add(counts);
  }
  assert.ok(Math.abs(above(history, -1) - 200) < 1e-6);
  const copy = new DecayedHistogram(60_000);
  copy.restore(JSON.parse(JSON.stringify(history.snapshot())));
  assert.equal(above(copy, -1), above(history, -1));
  history.decay(30 * 24 * 3_600_000);
  assert.equal(above(history, -1), 0);
  history.add(counts);
  assert.equal(above(history, -1), 100);
});
