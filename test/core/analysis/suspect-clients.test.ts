// Under sticky routing one client must not revert or hold a rollout, however many keys it makes for itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Analysis } from '#src/core/analysis/analysis.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { clientGroupCount, latencyQuantiles, PPM, suspectGroupsMax, tickMs } from '#src/limits.ts';
import { GROUP } from '#src/shared-memory/layout.ts';
import { emptyEpoch, thresholds } from './traffic.ts';

interface Answer {
  readonly status: number;
  readonly latencyMs: number;
  /** The client went away before. */
  readonly isAborted?: boolean;
}

const weight = 0.1;
const attackerGroup = 7;
const clients = 400;

/**
 * An hour or less of sticky traffic of many clients at 10 % on Y, with one client that sends `perSecond`
 * requests to Y by `keys` keys and gets `answer`.
 */
function run(options: {
  readonly seed: number;
  readonly keys: number;
  readonly perSecond: number;
  readonly answer: Answer;
  readonly rps?: number;
  readonly seconds: number;
  /** What everybody gets on Y: errors above those of X, and how much slower it is. */
  readonly overY?: number;
  readonly slowdownY?: number;
  /** Whether other clients are told apart by address. */
  readonly isBehindProxy?: boolean;
}) {
  const { seed, keys, perSecond, answer, rps = 300, overY = 0, slowdownY = 1 } = options;
  const random = createRandom(seed);
  const analysis = new Analysis(thresholds);
  const crowd = Array.from({ length: clients }, () => ({
    group: options.isBehindProxy === true ? attackerGroup : Math.floor(clientGroupCount * random.next()),
    bucket: Math.floor(16 * random.next()),
    isOnY: random.next() < weight,
  }));
  const count = (arm: ArmSample, name: 'x' | 'y', group: number, bucket: number, got: Answer): void => {
    if (analysis.suspectGroups.includes(group)) return;
    const hit = (kind: number) => {
      arm.groupHits[kind + group] = (arm.groupHits[kind + group] as number) + 1;
    };
    arm.groupRequests[group] = (arm.groupRequests[group] as number) + 1;
    if (got.isAborted === true) {
      arm.clientAborts++;
      hit(GROUP.aborted);
      return;
    }
    arm.requests++;
    arm.status[got.status] = (arm.status[got.status] as number) + 1;
    arm.userRequests[bucket] = (arm.userRequests[bucket] as number) + 1;
    if (got.status >= 500) {
      arm.failures++;
      arm.userFailures[bucket] = (arm.userFailures[bucket] as number) + 1;
      hit(GROUP.failures);
      return;
    }
    const at = latencyBucketIndex(got.latencyMs);
    arm.latency[at] = (arm.latency[at] as number) + 1;
    hit(got.status >= 400 ? GROUP.clientError : GROUP.success);
    for (let index = 0; index < latencyQuantiles.length; index++)
      if (got.latencyMs > analysis.slowThresholdMs(name, index)) hit(GROUP.slow + index * clientGroupCount);
  };
  const usual = (isOnY: boolean): Answer => {
    const isBad = random.next() < 0.002 + (isOnY ? overY : 0);
    const status = isBad ? 502 : random.next() < 0.02 ? 404 : 200;
    return {
      status,
      latencyMs:
        8 *
        Math.exp(0.5 * (random.next() + random.next() + random.next() - 1.5) * 2) *
        (isOnY ? slowdownY : 1),
    };
  };
  const tick: TickSample = { atMs: 0, dtMs: 0, epochs: [emptyEpoch(1, 0)] };
  const warmSeconds = 60;
  let advances = 0;
  for (let ms = tickMs; ms <= (warmSeconds + options.seconds) * 1000; ms += tickMs) {
    const isSplit = ms > warmSeconds * 1000;
    if (ms === warmSeconds * 1000 + tickMs) {
      analysis.resetRollout(ms);
      analysis.resetStep(250_000, ms);
      tick.epochs[0] = emptyEpoch(2, weight * PPM);
    }
    const [epoch] = tick.epochs;
    if (epoch === undefined) throw new Error('a tick needs an epoch');
    epoch.x.clear();
    epoch.y.clear();
    for (let left = rps * (tickMs / 1000) * 2 * random.next(); left > random.next(); left--) {
      const { group, bucket, isOnY } = crowd[Math.floor(clients * random.next())] as (typeof crowd)[number];
      if (isOnY && isSplit) count(epoch.y, 'y', group, bucket, usual(true));
      else count(epoch.x, 'x', group, bucket, usual(false));
    }
    for (let left = perSecond * (tickMs / 1000); isSplit && left > random.next(); left--)
      count(epoch.y, 'y', attackerGroup, Math.floor(keys * random.next()) % 16, answer);
    tick.dtMs = ms - tick.atMs;
    tick.atMs = ms;
    analysis.update(tick);
    if (!isSplit) continue;
    const verdict = analysis.assess({ goal: 'step' });
    const second = ms / 1000 - warmSeconds;
    if (verdict.decision === 'revert') return { reverted: true, second, verdict, analysis, advances };
    if (verdict.decision === 'advance') advances++;
  }
  return {
    reverted: false,
    second: options.seconds,
    verdict: analysis.assess({ goal: 'step' }),
    analysis,
    advances,
  };
}

const attacks: readonly [string, Answer][] = [
  ['failures', { status: 500, latencyMs: 5 }],
  ['404s', { status: 404, latencyMs: 5 }],
  ['answers that are slow by nature', { status: 200, latencyMs: 400 }],
  ['requests that it aborts', { status: 200, latencyMs: 0, isAborted: true }],
];
for (const [what, answer] of attacks) {
  for (const keys of [1, 38, 1_000]) {
    test(`one client with ${keys} keys and ${what} neither reverts nor holds, and is suspected`, () => {
      const seed = 11 + keys;
      const { reverted, verdict, analysis, advances } = run({
        seed,
        keys,
        perSecond: 5,
        answer,
        seconds: 240,
      });
      assert.equal(reverted, false, `seed ${seed}: ${verdict.text}`);
      assert.deepEqual(analysis.suspectGroups, [attackerGroup]);
      assert.ok(advances > 0, `seed ${seed}: ${verdict.text}`);
    });
  }
}

const nobody = { keys: 1, perSecond: 0, answer: { status: 200, latencyMs: 5 } };

test('a healthy Y has nobody suspected', () => {
  for (const seed of [1, 2, 3]) {
    const { reverted, verdict, analysis } = run({ ...nobody, seed, seconds: 200 });
    assert.equal(reverted, false, `seed ${seed}: ${verdict.text}`);
    assert.deepEqual(analysis.suspectGroups, [], `seed ${seed}`);
  }
});

for (const [what, worse] of [
  ['fails 3 points more', { overY: 0.03 }],
  ['fails all requests', { overY: 1 }],
  ['is half as fast', { slowdownY: 2 }],
] as const) {
  test(`a Y that ${what} is found, and no client is blamed for it`, () => {
    for (const seed of [4, 5]) {
      const { reverted, analysis } = run({ ...nobody, ...worse, seed, seconds: 400 });
      assert.ok(reverted, `seed ${seed}`);
      assert.ok(analysis.suspectGroups.length === 0, `seed ${seed}: ${analysis.suspectGroups}`);
    }
  });
}

test('a bad Y is found beside a client that is suspected', () => {
  const [, answer] = attacks[0] as (typeof attacks)[number];
  const { reverted, analysis } = run({ seed: 6, keys: 38, perSecond: 5, answer, overY: 0.05, seconds: 400 });
  assert.ok(reverted);
  assert.ok(analysis.suspectGroups.length <= suspectGroupsMax);
});

test('clients who all have the address of a proxy are not suspected together', () => {
  const { analysis, reverted } = run({ ...nobody, overY: 0.2, seed: 7, seconds: 100, isBehindProxy: true });
  assert.deepEqual(analysis.suspectGroups, []);
  assert.ok(reverted);
});

test('what is suspected is kept over a restart, and forgotten with the rollout', () => {
  const [, answer] = attacks[0] as (typeof attacks)[number];
  const { analysis } = run({ seed: 8, keys: 1, perSecond: 5, answer, seconds: 20 });
  const next = new Analysis(thresholds);
  assert.ok(next.restore(JSON.parse(JSON.stringify(analysis.snapshot()))));
  assert.deepEqual(next.suspectGroups, [attackerGroup]);
  next.resetRollout(1_000_000);
  assert.deepEqual(next.suspectGroups, []);
});
