import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random } from '#src/base/random.ts';
import { logAdd } from '#src/core/analysis/e-process/log-add.ts';
import { blipProfiles } from '#src/core/analysis/streams/compared-stream.ts';
import { LatencyStreams, type LatencyThresholds } from '#src/core/analysis/streams/latency-streams.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';
import { emptyEpoch, quantile } from '../traffic.ts';

/** Latency of one request in ms. */
type Draw = (random: Random, second: number) => number;

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

/** Median 50 ms, p99 202 ms. */
const usual: Draw = (random) => 50 * Math.exp(0.6 * normal(random));
const times =
  (factor: number, draw: Draw): Draw =>
  (random, second) =>
    factor * draw(random, second);
/** A fast and a slow mode; `slow` is the share of the slow one. */
const bimodal =
  (slow: number): Draw =>
  (random) =>
    (random.next() < slow ? 200 : 20) * Math.exp(0.3 * normal(random));

function fillLatencies(arm: ArmSample, random: Random, count: number, draw: Draw, second: number): void {
  arm.latency.fill(0);
  for (let i = 0; i < count; i++) {
    const j = latencyBucketIndex(draw(random, second));
    arm.latency[j] = (arm.latency[j] ?? 0) + 1;
  }
}

const thresholds: LatencyThresholds = { timesX: 1.1, overXMs: 2, maxMs: {} };

interface LatencyRun {
  readonly streams: LatencyStreams;
  /** Y requests until the latency streams together reached the bar; null when they did not. */
  readonly samples: number | null;
  readonly cause: string | null;
}

const perTick = { x: 225, y: 25 };

/** A minute of X, then both, until the evidence of the family alone is enough for a revert. */
function run(
  seed: number,
  seconds: number,
  x: Draw,
  y: Draw,
  limits: LatencyThresholds = thresholds,
): LatencyRun {
  const random = createRandom(seed);
  const streams = new LatencyStreams(limits, blipProfiles[1000]);
  const sample: EpochSample = emptyEpoch(1, 100_000);
  let samples = 0;
  streams.resetRollout(60_000);
  streams.resetStep(500_000, 60_000);
  for (let ms = 250; ms <= (60 + seconds) * 1000; ms += 250) {
    const live = ms > 60_000;
    fillLatencies(sample.x, random, perTick.x, x, ms / 1000);
    fillLatencies(sample.y, random, live ? perTick.y : 0, y, ms / 1000);
    streams.beginTick(ms, 250, live);
    streams.add(sample);
    streams.endTick();
    if (!live) continue;
    samples += perTick.y;
    const [cause] = reached(streams);
    if (cause !== undefined) return { streams, samples, cause };
  }
  return { streams, samples: null, cause: null };
}

/** The stream with the most evidence, once all of the family together would revert at 1 %. */
function reached(streams: LatencyStreams): string[] {
  const judged = streams.streams.map((stream) => stream.evidence());
  const weighted = judged.map(({ logWorse, weight }) => logWorse + Math.log(weight));
  if (weighted.reduce(logAdd, Number.NEGATIVE_INFINITY) < Math.log(100)) return [];
  return judged.filter((_, i) => weighted[i] === Math.max(...weighted)).map(({ stream }) => stream);
}

function detect(
  runs: number,
  seconds: number,
  x: Draw,
  y: Draw,
): { p95: number; causes: Set<string | null> } {
  const all = Array.from({ length: runs }, (_, i) => run(i + 1, seconds, x, y));
  return {
    p95: quantile(
      all.map(({ samples }) => samples ?? Number.POSITIVE_INFINITY),
      0.95,
    ),
    causes: new Set(all.map(({ cause }) => cause)),
  };
}

const alike: readonly [string, Draw][] = [
  ['of one shape', usual],
  ['of two modes', bimodal(0.2)],
  ['of a very narrow shape', (random) => 50 * Math.exp(0.02 * normal(random))],
  ['that drifts', (random, second) => usual(random, second) * (1 + second / 100)],
  ['in a shared slow-down', (random, second) => usual(random, second) * (second % 60 < 10 ? 3 : 1)],
];

for (const [name, draw] of alike) {
  test(`a Y with the latency of X ${name} is not found worse`, () => {
    for (let seed = 1; seed <= 4; seed++)
      assert.equal(run(seed, 120, draw, draw).cause, null, `seed ${seed}`);
  });
}

test('a Y within the tolerance is not found worse', () => {
  for (let seed = 1; seed <= 4; seed++) assert.equal(run(seed, 120, usual, times(1.08, usual)).cause, null);
});

test('a Y that is a fifth slower is found within 5,000 requests', () => {
  const { p95 } = detect(20, 120, usual, times(1.2, usual));
  assert.ok(p95 <= 5_000, `${p95}`);
});

test('a slow mode that grows from 20 % to 30 % is found within 2,500 requests, at the quantiles of that mode', () => {
  const { p95, causes } = detect(20, 60, bimodal(0.2), bimodal(0.3));
  assert.ok(p95 <= 2_500, `${p95}`);
  assert.ok(causes.has('latency.p75'), [...causes].join());
});

test('a tail alone that is twice as thick is found, at the last quantile', () => {
  const tail: Draw = (random, second) => {
    const ms = usual(random, second);
    return ms > 200 ? 2 * ms : ms > 150 && random.next() < 0.5 ? 400 : ms;
  };
  const { p95, causes } = detect(8, 120, usual, tail);
  assert.ok(Number.isFinite(p95), `${p95}`);
  assert.ok(causes.has('latency.p99'), [...causes].join());
});

test('a Y like X is shown not to be slower, and one that is a fifth slower is not', () => {
  const good = run(1, 60, usual, usual).streams.streams.map((stream) => stream.evidence().logSafe ?? 99);
  assert.ok(Math.min(...good) >= Math.log(20), good.join());
  const bad = run(1, 20, usual, times(1.35, usual)).streams.streams.map(
    (stream) => stream.evidence().logSafe ?? 99,
  );
  assert.ok(Math.min(...bad) < Math.log(20), bad.join());
});

test('the last quantiles need proof only for steps above 5 %', () => {
  const streams = new LatencyStreams(thresholds, blipProfiles[1000]);
  const margins = () => streams.streams.map((stream) => stream.evidence().margin);
  streams.resetStep(50_000, 0);
  assert.deepEqual(margins(), [0.05, 0.04, 0.02, null, null]);
  streams.resetStep(100_000, 0);
  assert.deepEqual(margins(), [0.05, 0.04, 0.02, 0.01, 0.0008]);
});

test('requests that wait for longer than the threshold are counted before they have an answer', () => {
  const random = createRandom(1);
  const { streams } = run(1, 10, usual, usual);
  const sample = emptyEpoch(1, 100_000);
  // From now on nothing of Y comes back: 25 requests a tick begin and hang.
  for (let ms = 70_250; ms <= 90_000 && reached(streams).length === 0; ms += 250) {
    fillLatencies(sample.x, random, perTick.x, usual, ms / 1000);
    sample.y.ageCrossed.fill(25);
    streams.beginTick(ms, 250, true);
    streams.add(sample);
    streams.endTick();
    assert.ok(ms < 88_000, 'a hanging Y is found within 18 seconds');
  }
  assert.ok(reached(streams).length > 0);
});

test('a request that was counted while it waited is not counted again when it succeeds', () => {
  const { streams } = run(1, 1, usual, usual);
  const [p50] = streams.streams;
  assert.ok(p50 !== undefined);
  const before = p50.evidence().y;
  const sample = emptyEpoch(1, 100_000);
  sample.x.latency[latencyBucketIndex(50)] = 10;
  const tick = (ms: number): void => {
    streams.beginTick(ms, 250, true);
    streams.add(sample);
    streams.endTick();
  };
  sample.y.ageCrossed[0] = 4;
  tick(61_250);
  assert.equal(p50.evidence().y.requests - before.requests, 4);
  assert.equal(p50.evidence().y.failures - before.failures, 4);
  sample.y.ageCrossed[0] = 0;
  sample.y.ageCrossedDone[0] = 4;
  sample.y.latency[latencyBucketIndex(900)] = 4;
  tick(61_500);
  assert.equal(p50.evidence().y.requests - before.requests, 4);
  assert.equal(p50.evidence().y.failures - before.failures, 4);
});

test('thresholds for waiting requests follow X, and are the tolerance higher on Y', () => {
  const fresh = new LatencyStreams(thresholds, blipProfiles[1000]);
  assert.equal(fresh.slowThresholdMs('x', 0), Number.POSITIVE_INFINITY);
  const { streams } = run(1, 1, usual, usual);
  for (const [index, ms] of [
    [0, 50],
    [4, 202],
  ] as const) {
    const x = streams.slowThresholdMs('x', index);
    assert.ok(Math.abs(x / ms - 1) < 0.08, `${x} ms`);
    const factor = streams.slowThresholdMs('y', index) / x;
    assert.ok(factor >= 1.1 && factor < 1.11, `${factor}`);
  }
});

test('an absolute limit on a quantile speaks against a Y that exceeds it while X does not', () => {
  const limits: LatencyThresholds = { timesX: 50, overXMs: 2, maxMs: { p99: 400 } };
  assert.equal(run(1, 60, usual, times(4, usual), limits).cause, 'latency.p99.max');
  assert.equal(run(1, 60, times(4, usual), times(4, usual), limits).cause, null);
});

test('a restored family goes on exactly as one that was never stopped', () => {
  const { streams } = run(3, 5, usual, times(1.15, usual));
  const copy = new LatencyStreams(thresholds, blipProfiles[1000]);
  copy.restore(JSON.parse(JSON.stringify(streams.snapshot())));
  const sample = emptyEpoch(1, 100_000);
  const random = createRandom(9);
  for (let ms = 65_250; ms < 70_000; ms += 250) {
    fillLatencies(sample.x, random, perTick.x, usual, 0);
    fillLatencies(sample.y, random, perTick.y, times(1.3, usual), 0);
    for (const family of [streams, copy]) {
      family.beginTick(ms, 250, true);
      family.add(sample);
      family.endTick();
    }
  }
  assert.deepEqual(
    copy.streams.map((stream) => stream.evidence()),
    streams.streams.map((stream) => stream.evidence()),
  );
});
