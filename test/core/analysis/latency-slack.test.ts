// What overX does to the latency comparison: differences that nobody waits for are none, and it only ever
// takes evidence away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom, type Random } from '#src/base/random.ts';
import { blipProfiles } from '#src/core/analysis/streams/compared-stream.ts';
import { LatencyStreams } from '#src/core/analysis/streams/latency-streams.ts';
import { bucketUpperMs, latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import type { ArmSample } from '#src/core/telemetry/sample.ts';
import { latencyQuantiles } from '#src/limits.ts';
import { emptyEpoch } from './traffic.ts';

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

/** Lognormal around `medianMs`, and `moreMs` on top. */
type Draw = (random: Random) => number;
const around =
  (medianMs: number, sigma: number, moreMs = 0): Draw =>
  (random) =>
    medianMs * Math.exp(sigma * normal(random)) + moreMs;

function fill(arm: ArmSample, random: Random, count: number, draw: Draw): void {
  arm.latency.fill(0);
  for (let i = 0; i < count; i++) {
    const bucket = latencyBucketIndex(draw(random));
    arm.latency[bucket] = (arm.latency[bucket] ?? 0) + 1;
  }
}

/** A minute of X, then both; the streams, and the seconds after which one of them alone had e^8 against Y. */
function run(seed: number, x: Draw, y: Draw, overXMs: number, seconds = 60, timesX = 1.1) {
  const random = createRandom(seed);
  const streams = new LatencyStreams({ timesX, overXMs, maxMs: {} }, blipProfiles[1000]);
  const sample = emptyEpoch(1, 100_000);
  streams.resetRollout(60_000);
  streams.resetStep(1_000_000, 60_000);
  for (let ms = 250; ms <= (60 + seconds) * 1000; ms += 250) {
    const live = ms > 60_000;
    fill(sample.x, random, 225, x);
    fill(sample.y, random, live ? 25 : 0, y);
    streams.beginTick(ms, 250, live);
    streams.add(sample);
    streams.endTick();
    if (live && streams.streams.some((stream) => stream.evidence().logWorse >= 8))
      return { streams, foundAfter: (ms - 60_000) / 1000 };
  }
  return { streams, foundAfter: null };
}

const fast = around(0.3, 0.25);

for (const [name, y] of [
  ['identical to X', fast],
  ['slower by 31 microseconds', around(0.3, 0.25, 0.031)],
  ['slower by 60 microseconds', around(0.3, 0.25, 0.06)],
  ['three times as slow', around(0.9, 0.25)],
  ['with a tail of its own below 2 ms', around(0.3, 0.5)],
] as const) {
  test(`a Y of 0.3 ms that is ${name} is not found worse when overX is 2 ms, and may advance`, () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { streams, foundAfter } = run(seed, fast, y, 2);
      assert.equal(foundAfter, null, `seed ${seed}`);
      for (const stream of streams.streams) {
        const { logWorse, logSafe } = stream.evidence();
        assert.ok(logWorse < 1, `${stream.name} ${logWorse}`);
        assert.ok((logSafe ?? 0) >= Math.log(20), `${stream.name} ${logSafe}`);
      }
    }
  });
}

test('a Y that is slower by 60 microseconds is found worse when overX is 0', () => {
  for (let seed = 1; seed <= 4; seed++)
    assert.notEqual(run(seed, fast, around(0.3, 0.25, 0.06), 0).foundAfter, null);
});

test('a Y of 0.3 ms that takes 5 ms more is found worse when overX is 2 ms', () => {
  const { streams, foundAfter } = run(1, fast, around(0.3, 0.25, 5), 2);
  assert.notEqual(foundAfter, null);
  const [p50] = streams.streams;
  assert.match(
    p50?.finding() ?? '',
    /^requests slower than X's p50 \(0\.3\d* ms, and 2 ms more on Y\) 100 % on Y against \d+ % on X over/,
  );
  assert.equal(p50?.evidence().threshold?.by, 'overX');
});

test('a Y of 50 ms that is slower is found after the same requests with overX 2 ms as with 0', () => {
  const usual = around(50, 0.6);
  for (const factor of [1.2, 1.3]) {
    for (let seed = 1; seed <= 4; seed++) {
      const slower = around(50 * factor, 0.6);
      const [strict, shipped] = [run(seed, usual, slower, 0), run(seed, usual, slower, 2)];
      assert.notEqual(shipped.foundAfter, null, `seed ${seed}`);
      assert.equal(shipped.foundAfter, strict.foundAfter, `seed ${seed}`);
      assert.equal(shipped.streams.streams[0]?.evidence().threshold?.by, 'timesX');
    }
  }
});

test('a Y that is as slow as a larger timesX allows may advance to the last step', () => {
  const { streams, foundAfter } = run(1, around(50, 0.6), around(70, 0.6), 2, 90, 1.6);
  assert.equal(foundAfter, null);
  for (const stream of streams.streams)
    assert.ok(
      (stream.evidence().logSafe ?? 0) >= Math.log(20),
      `${stream.name} ${stream.evidence().logSafe}`,
    );
});

test('the threshold of Y is at least overX above that of X, and no more than a bucket beyond it', () => {
  for (const overXMs of [0, 0.05, 0.5, 2, 5, 40]) {
    const { streams } = run(1, around(3, 0.4), around(3, 0.4), overXMs, 1);
    for (let index = 0; index < latencyQuantiles.length; index++) {
      const x = streams.slowThresholdMs('x', index);
      const y = streams.slowThresholdMs('y', index);
      const wanted = Math.max(1.1 * x, x + overXMs);
      assert.ok(y >= wanted, `${y} for ${wanted}`);
      // A bucket of 2 % for overX; timesX takes whole buckets, up to one more.
      assert.ok(y <= wanted * 1.02 ** 1.001, `${y} for ${wanted}`);
    }
  }
});

test('evidence against Y is never more when overX is larger', () => {
  // Within the 5 s before which no alternative starts afresh, where more failures on Y never mean less
  // evidence.
  const ticksMax = 18;
  const bucket = fc.integer({ min: 0, max: 500 });
  const counts = fc.array(fc.tuple(bucket, fc.integer({ min: 1, max: 50 })), { maxLength: 6 });
  const ticks = fc.array(fc.record({ x: counts, y: counts }), { minLength: 1, maxLength: ticksMax });
  const slack = fc.tuple(
    fc.double({ min: 0, max: 20, noNaN: true }),
    fc.double({ min: 0, max: 20, noNaN: true }),
  );
  fc.assert(
    fc.property(counts, ticks, slack, (past, live, [one, other]) => {
      const [strict, lenient] = [Math.min(one, other), Math.max(one, other)].map((overXMs) =>
        logsAfter(overXMs, [[0, 30], ...past], live),
      );
      for (const [i, log] of (lenient ?? []).entries())
        assert.ok(log <= (strict?.[i] ?? Number.NaN) + 1e-9, `${log} > ${strict?.[i]}`);
    }),
    { numRuns: 300 },
  );
});

type Counts = readonly (readonly [bucket: number, count: number])[];

/** The logarithms of all alternatives at all quantiles after these ticks. */
function logsAfter(
  overXMs: number,
  past: Counts,
  ticks: readonly { readonly x: Counts; readonly y: Counts }[],
): number[] {
  const streams = new LatencyStreams({ timesX: 1.1, overXMs, maxMs: {} }, blipProfiles[1000]);
  const sample = emptyEpoch(1, 500_000);
  const give = (ms: number, x: Counts, y: Counts): void => {
    for (const [arm, counts] of [
      [sample.x, x],
      [sample.y, y],
    ] as const) {
      arm.latency.fill(0);
      for (const [bucket, count] of counts) arm.latency[bucket] = (arm.latency[bucket] ?? 0) + count;
    }
    streams.beginTick(ms, 250, true);
    streams.add(sample);
    streams.endTick();
  };
  give(250, past, []);
  streams.resetRollout(250);
  for (const [i, { x, y }] of ticks.entries()) give(500 + 250 * i, x, y);
  return streams.snapshot().quantiles.flatMap(({ stream }) => stream.worse.logs);
}

test('requests exactly at the threshold of Y are not slower', () => {
  const streams = new LatencyStreams({ timesX: 1.1, overXMs: 2, maxMs: {} }, blipProfiles[1000]);
  const sample = emptyEpoch(1, 500_000);
  sample.x.latency[latencyBucketIndex(0.3)] = 100;
  streams.beginTick(250, 250, true);
  streams.add(sample);
  streams.endTick();
  const at = latencyBucketIndex(bucketUpperMs(latencyBucketIndex(0.3)) + 2);
  sample.y.latency[at] = 10;
  sample.y.latency[at + 1] = 1;
  streams.beginTick(500, 250, true);
  streams.add(sample);
  assert.deepEqual(streams.streams[0]?.evidence().y, { requests: 11, failures: 1, rate: 1 / 11 });
});
