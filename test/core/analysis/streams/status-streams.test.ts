import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { logSafeBar } from '#src/core/analysis/e-process/safe-test.ts';
import { blipProfiles } from '#src/core/analysis/streams/compared-stream.ts';
import { StatusStreams } from '#src/core/analysis/streams/status-streams.ts';
import type { ArmSample } from '#src/core/telemetry/sample.ts';
import { binomial, emptyEpoch, quantile } from '../traffic.ts';

type Mix = Readonly<Record<number, number>>;

/** 2 % not found, 1 % unauthorized, 5 % redirects, the rest fine. */
const usual: Mix = { 404: 0.02, 401: 0.01, 302: 0.05 };

function fillMix(arm: ArmSample, requests: number, mix: Mix, random: ReturnType<typeof createRandom>): void {
  arm.status.fill(0);
  arm.requests = requests;
  let fine = requests;
  for (const [code, share] of Object.entries(mix)) {
    const count = binomial(random, requests, share);
    arm.status[Number(code)] = count;
    fine -= count;
  }
  arm.status[200] = (arm.status[200] ?? 0) + Math.max(0, fine);
}

/** Y requests until one stream would revert on its own, and which one. */
function run(seed: number, seconds: number, mixX: Mix, mixY: Mix, abortsY = 0) {
  const random = createRandom(seed);
  const streams = new StatusStreams({ timesX: 1.25, overX: 0.002 }, 0.001, blipProfiles[1000]);
  const sample = emptyEpoch(1, 100_000);
  streams.resetRollout(60_000);
  for (let ms = 250; ms <= (60 + seconds) * 1000; ms += 250) {
    const live = ms > 60_000;
    fillMix(sample.x, 225, mixX, random);
    fillMix(sample.y, live ? 25 : 0, mixY, random);
    sample.x.clientAborts = 1;
    sample.y.clientAborts = live && ms % 2000 === 0 ? 1 : live ? abortsY : 0;
    streams.beginTick(ms, 250);
    streams.add(sample);
    streams.endTick();
    const found = streams.streams
      .map((stream) => stream.evidence())
      .find(({ logWorse, weight }) => logWorse + Math.log(weight) >= Math.log(100));
    if (found !== undefined) return { samples: (ms - 60_000) / 10, cause: found.stream };
  }
  return { samples: Number.POSITIVE_INFINITY, cause: null };
}

test('a Y with the mix of X is not found worse', () => {
  for (let seed = 1; seed <= 4; seed++)
    assert.equal(run(seed, 120, usual, usual).cause, null, `seed ${seed}`);
});

test('a Y that is well is not held to be worse for its successes while X fails', () => {
  for (let seed = 1; seed <= 4; seed++)
    assert.equal(run(seed, 60, { ...usual, 503: 0.3 }, usual).cause, null, `seed ${seed}`);
});

test('two points of successes that become 404 are found within 8,500 requests', () => {
  const runs = Array.from({ length: 12 }, (_, i) =>
    run(i + 1, 120, { ...usual, 404: 0.01 }, { ...usual, 404: 0.03 }),
  );
  assert.deepEqual(new Set(runs.map(({ cause }) => cause)), new Set(['status.404']));
  const p95 = quantile(
    runs.map(({ samples }) => samples),
    0.95,
  );
  assert.ok(p95 <= 8_500, `${p95}`);
});

for (const [code, cause] of [
  [301, 'status.3xx'],
  [401, 'status.401'],
  [403, 'status.403'],
  [429, 'status.429'],
  [400, 'status.4xx'],
  [422, 'status.4xx'],
] as const) {
  test(`a Y that answers ${code} to a fifth of its requests is found as ${cause}`, () => {
    assert.equal(run(1, 30, usual, { ...usual, [code]: 0.2 }).cause, cause);
  });
}

test('a Y that answers 200 where X redirects is found by its successes', () => {
  const half: Mix = { 302: 0.5 };
  assert.equal(run(1, 30, half, {}).cause, 'status.2xx');
});

test('a Y whose clients give up is found', () => {
  assert.equal(run(1, 30, usual, usual, 5).cause, 'status.aborted');
});

/**
 * Y requests until every class is proven for a step to `nextWeightPpm`; infinite when that takes longer than
 * `seconds`.
 */
function proofOf(
  seed: number,
  seconds: number,
  nextWeightPpm: number,
  mixX: Mix,
  mixY: Mix,
  overX = 0.002,
): number {
  const random = createRandom(seed);
  const streams = new StatusStreams({ timesX: 1.25, overX }, 0.001, blipProfiles[1000]);
  const sample = emptyEpoch(1, 100_000);
  streams.resetRollout(0);
  streams.resetStep(nextWeightPpm, 0);
  for (let ms = 250; ms <= seconds * 1000; ms += 250) {
    fillMix(sample.x, 225, mixX, random);
    fillMix(sample.y, 25, mixY, random);
    streams.beginTick(ms, 250);
    streams.add(sample);
    streams.endTick();
    const asked = streams.streams.map((stream) => stream.evidence().logSafe).filter((log) => log !== null);
    if (asked.length > 0 && asked.every((log) => log >= logSafeBar)) return ms / 10;
  }
  return Number.POSITIVE_INFINITY;
}

test('an advance takes proof that no class has become more frequent, which a Y like X gives soon', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const small = proofOf(seed, 120, 50_000, usual, usual);
    const large = proofOf(seed, 120, 1_000_000, usual, usual);
    assert.ok(small <= 3_000 && large <= 8_000, `seed ${seed}: ${small} and ${large} requests`);
  }
});

test('two points of successes that become 404 are not proven to be none', () => {
  const drifted = { ...usual, 404: 0.03 };
  const proven = Array.from({ length: 40 }, (_, seed) =>
    proofOf(seed, 60, 1_000_000, { ...usual, 404: 0.01 }, drifted),
  );
  // A chance of 1 in 20 for each is what the test allows.
  assert.ok(proven.filter(Number.isFinite).length <= 4, proven.join(' '));
});

test('what a wide tolerance lets pass is proven at any step', () => {
  for (const overX of [0.05, 0.1, 0.25, 0.35, 0.4, 0.6]) {
    // 404 may be 2.5 points more than that, five quarters of X's share.
    const more = { ...usual, 404: overX };
    for (const nextWeightPpm of [10_000, 1_000_000]) {
      const requests = proofOf(1, 120, nextWeightPpm, usual, more, overX);
      assert.ok(Number.isFinite(requests), `overX ${overX}, next ${nextWeightPpm}: ${requests} requests`);
    }
  }
});

test('the margin of a small step is what is at stake, up to 30 points', () => {
  const streams = new StatusStreams({ timesX: 1.25, overX: 0.002 }, 0.001, blipProfiles[1000]);
  const marginAt = (nextWeightPpm: number) => {
    streams.resetStep(nextWeightPpm, 0);
    return streams.streams[0]?.evidence().margin;
  };
  assert.deepEqual([1_000, 10_000, 50_000, 1_000_000].map(marginAt), [0.3, 0.1, 0.02, 0.01]);
});

test('no proof is asked of a class that could not exceed the tolerance', () => {
  assert.deepEqual(askedClasses(0.995), new Set());
});

test('no proof is asked of a class that nearly every answer is in', () => {
  const asked = askedClasses(0.002);
  assert.ok(!asked.has('status.2xx') && asked.has('status.404'), [...asked].join(' '));
});

/** Classes that an advance to full weight takes proof of. */
function askedClasses(overX: number): Set<string> {
  const streams = new StatusStreams({ timesX: 1.25, overX }, 0.001, blipProfiles[1000]);
  const sample = emptyEpoch(1, 100_000);
  const random = createRandom(1);
  streams.resetRollout(0);
  streams.resetStep(1_000_000, 0);
  for (let ms = 250; ms <= 30_000; ms += 250) {
    fillMix(sample.x, 225, usual, random);
    fillMix(sample.y, 25, usual, random);
    streams.beginTick(ms, 250);
    streams.add(sample);
    streams.endTick();
  }
  return new Set(streams.streams.filter((one) => one.evidence().logSafe !== null).map(({ name }) => name));
}

test('a shared change of the mix is nobody’s fault', () => {
  const random = createRandom(2);
  const streams = new StatusStreams({ timesX: 1.25, overX: 0.002 }, 0.001, blipProfiles[1000]);
  const sample = emptyEpoch(1, 100_000);
  streams.resetRollout(0);
  for (let ms = 250; ms <= 120_000; ms += 250) {
    const mix = ms % 40_000 < 10_000 ? { 429: 0.5 } : usual;
    fillMix(sample.x, 225, mix, random);
    fillMix(sample.y, 25, mix, random);
    streams.beginTick(ms, 250);
    streams.add(sample);
    streams.endTick();
    for (const stream of streams.streams) assert.ok(stream.evidence().logWorse < Math.log(100), stream.name);
  }
});
