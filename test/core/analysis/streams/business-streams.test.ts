import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { capWeights, familyWeights } from '#src/core/analysis/e-process/stream-weights.ts';
import { BusinessStreams, businessShare } from '#src/core/analysis/streams/business-streams.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { binomial } from '../traffic.ts';

const rates = { requestsPerSecond: 100, failureRate: 0 };
const bar = Math.log(100);
const onTraffic = (decision: 'advance' | 'hold' | 'revert' = 'advance', logEvidence = -1): Verdict => {
  const numbers = {
    logEvidence,
    logEvidenceBar: bar,
    logSafeBar: 3,
    cause: decision === 'revert' ? 'errors' : null,
    streams: [],
    samplesNeeded: null,
    secondsNeeded: null,
    xHealthy: true,
    last10s: { x: rates, y: rates },
    last60s: { x: rates, y: rates },
    text: `traffic says ${decision}`,
  };
  switch (decision) {
    case 'advance':
      return { ...numbers, decision, rule: 'not-worse' };
    case 'hold':
      return { ...numbers, decision, rule: 'needs-samples' };
    case 'revert':
      return { ...numbers, decision, rule: 'evidence' };
  }
};

const orders = { name: 'orders', timesX: 1.1, over: 0.005, intervalMs: 15_000 };
const refunds = { name: 'refunds', timesX: 1.1, over: 0.005, intervalMs: 15_000 };

interface Shop {
  readonly x: number;
  readonly y: number;
}

/** A rollout with a push of both clusters every 15 s; returns the first minute with a revert, or null. */
function minutesToRevert(shop: Shop, minutes: number, seed: number): number | null {
  const random = createRandom(seed);
  const streams = new BusinessStreams([orders, refunds], 1000);
  streams.resetRollout();
  for (let push = 0; push < minutes * 4; push++) {
    for (let tick = 0; tick < 60; tick++) {
      if (tick === 30) streams.push('orders', 'x', 900, binomial(random, 900, shop.x));
      if (tick === 31) streams.push('orders', 'y', 100, binomial(random, 100, shop.y));
      streams.tick(250);
    }
    if (streams.combineWith(onTraffic()).decision === 'revert') return (push + 1) / 4;
  }
  return null;
}

test('weights of all streams sum to no more than one when business streams are there', () => {
  const traffic = Object.values(familyWeights).reduce((sum, weight) => sum + weight, 0);
  const caps = capWeights.errors + 5 * capWeights.latencyEach;
  assert.ok((traffic + caps) * (1 - businessShare) + businessShare <= 1 + 1e-9);
  const streams = new BusinessStreams([orders, refunds], 1000);
  const shown = streams.combineWith(onTraffic()).streams.map(({ stream, weight }) => [stream, weight]);
  assert.deepEqual(shown, [
    ['business.orders', businessShare / 2],
    ['business.refunds', businessShare / 2],
  ]);
});

test('a verdict is left alone when there are no business streams', () => {
  const verdict = onTraffic('hold');
  assert.equal(new BusinessStreams([], 1000).combineWith(verdict), verdict);
});

test('a shop that fails more orders on Y is reverted, with its name and numbers', () => {
  const times = [1, 2, 3, 4, 5].map((seed) => minutesToRevert({ x: 0.02, y: 0.3 }, 20, seed));
  for (const minutes of times) assert.ok(minutes !== null && minutes <= 5, String(times));
  const random = createRandom(7);
  const streams = new BusinessStreams([orders], 1000);
  let verdict = onTraffic();
  while (verdict.decision !== 'revert') {
    streams.push('orders', 'x', 900, binomial(random, 900, 0.02));
    streams.push('orders', 'y', 100, binomial(random, 100, 0.3));
    for (let tick = 0; tick < 60; tick++) streams.tick(250);
    verdict = streams.combineWith(onTraffic());
  }
  assert.equal(verdict.cause, 'business.orders');
  assert.match(
    verdict.text,
    /^orders: failures \d+ % on Y against [\d.]+ % on X over \d+ and [\d,]+ trials; /,
  );
});

test('a shop that is alike on both is not reverted over hours', () => {
  const seed = 20_260_101;
  for (let run = 0; run < 60; run++)
    assert.equal(minutesToRevert({ x: 0.03, y: 0.03 }, 120, seed + run), null, `seed ${seed + run}`);
});

test('trouble of both clusters alike is no evidence', () => {
  assert.equal(minutesToRevert({ x: 0.6, y: 0.6 }, 60, 3), null);
});

/**
 * Fifty trials of each cluster a second, as many of them failed as said; returns the verdicts, one a second.
 */
function pushEverySecond(
  streams: BusinessStreams,
  seconds: number,
  failedX: number,
  failedY: number,
): Verdict[] {
  return Array.from({ length: seconds }, () => {
    streams.push('pushed', 'x', 50, failedX);
    streams.push('pushed', 'y', 50, failedY);
    for (let tick = 0; tick < 4; tick++) streams.tick(250);
    return streams.combineWith(onTraffic());
  });
}

const pushed = { name: 'pushed', timesX: 1.1, over: 0.005, intervalMs: 5_000 };

test('a business stream that is far worse on Y lets no step advance before it reverts', () => {
  const streams = new BusinessStreams([pushed], 1000);
  streams.resetRollout();
  const verdicts = pushEverySecond(streams, 30, 2, 30);
  const revertAt = verdicts.findIndex(({ decision }) => decision === 'revert');
  assert.ok(revertAt > 0 && revertAt <= 20, String(revertAt));
  const before = verdicts.slice(0, revertAt);
  assert.deepEqual(new Set(before.map(({ decision }) => decision)), new Set(['hold']));
  const held = before.at(-1);
  assert.equal(held?.rule, 'suspicion');
  assert.match(
    held?.text ?? '',
    /^pushed: failures 60 % on Y against 4 % on X .* trials raise suspicion: .* a revert needs 1 in 1,000$/,
  );
});

test('the first counts of a business stream hold an advance until they could have spoken, and no longer', () => {
  const streams = new BusinessStreams([pushed], 1000);
  streams.resetRollout();
  assert.equal(
    streams.combineWith(onTraffic()).decision,
    'advance',
    'nothing was pushed: that is held elsewhere',
  );
  const decisions = pushEverySecond(streams, 20, 2, 2).map(({ decision }) => decision);
  assert.deepEqual(decisions.slice(0, 14), Array(14).fill('hold'));
  assert.deepEqual(decisions.slice(15), Array(5).fill('advance'));
  streams.resetStep();
  assert.equal(
    pushEverySecond(streams, 1, 2, 2)[0]?.decision,
    'advance',
    'the next step does not wait for that again',
  );
  const rare = new BusinessStreams([pushed], 1000);
  rare.resetRollout();
  rare.push('pushed', 'y', 1, 0);
  rare.tick(250);
  const { rule, text } = rare.combineWith(onTraffic());
  assert.deepEqual(
    [rule, text],
    ['bake', 'pushed: the first counts on Y are watched for 3 intervals of 5 s, another 15 s'],
  );
  const restored = new BusinessStreams([pushed], 1000);
  restored.restore(JSON.parse(JSON.stringify(rare.snapshot())));
  for (let tick = 0; tick < 59; tick++) restored.tick(250);
  assert.equal(restored.combineWith(onTraffic()).decision, 'hold');
  restored.tick(250);
  assert.equal(restored.combineWith(onTraffic()).decision, 'advance', 'rare trials are not waited for');
});

test('suspicion of a business stream holds an advance before it reverts', () => {
  const random = createRandom(5);
  const streams = new BusinessStreams([orders], 1000);
  const decisions: string[] = [];
  for (let push = 0; push < 400 && decisions.at(-1) !== 'revert'; push++) {
    streams.push('orders', 'x', 900, binomial(random, 900, 0.02));
    streams.push('orders', 'y', 100, binomial(random, 100, 0.06));
    for (let tick = 0; tick < 60; tick++) streams.tick(250);
    const { decision, rule } = streams.combineWith(onTraffic());
    decisions.push(rule === 'suspicion' ? 'suspicion' : decision);
  }
  assert.deepEqual([...new Set(decisions)], ['hold', 'advance', 'suspicion', 'revert']);
});

test('what the traffic says alone counts for its share and keeps its words', () => {
  const streams = new BusinessStreams([orders], 1000);
  const clear = streams.combineWith(onTraffic('revert', bar + 0.2));
  assert.deepEqual([clear.decision, clear.text], ['revert', 'traffic says revert']);
  const barely = streams.combineWith(onTraffic('revert', bar + 0.05));
  assert.deepEqual([barely.decision, barely.rule], ['hold', 'suspicion']);
  assert.equal(streams.combineWith(onTraffic('hold')).text, 'traffic says hold');
});

test('evidence goes on where it was when it is restored, and begins anew where the rule has changed', () => {
  const random = createRandom(9);
  const before = new BusinessStreams([orders, refunds], 1000);
  before.resetRollout();
  for (let push = 0; push < 4; push++) {
    before.push('orders', 'x', 900, binomial(random, 900, 0.02));
    before.push('orders', 'y', 100, binomial(random, 100, 0.3));
    for (let tick = 0; tick < 60; tick++) before.tick(250);
  }
  const kept = JSON.parse(JSON.stringify(before.snapshot()));
  const evidenceOf = (streams: BusinessStreams) =>
    streams.combineWith(onTraffic()).streams.find(({ stream }) => stream === 'business.orders')?.logWorse;
  const after = new BusinessStreams([orders, refunds], 1000);
  assert.equal(after.restore(kept), true);
  assert.equal(evidenceOf(after), evidenceOf(before));
  const changed = new BusinessStreams([{ ...orders, over: 0.01 }, refunds], 1000);
  assert.equal(changed.restore(kept), false);
  assert.equal(evidenceOf(changed), evidenceOf(new BusinessStreams([orders, refunds], 1000)));
});

test('samples of a metric that is not counted are not taken', () => {
  assert.equal(new BusinessStreams([orders], 1000).push('ordres', 'x', 1, 0), false);
});
