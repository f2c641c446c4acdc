import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { BusinessStreams, businessShare } from '#src/core/analysis/business-streams.ts';
import { capWeights, familyWeights } from '#src/core/analysis/combine.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { binomial } from './traffic.ts';

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
    if (streams.judge(onTraffic()).decision === 'revert') return (push + 1) / 4;
  }
  return null;
}

test('weights of all streams sum to no more than one when business streams are there', () => {
  const traffic = Object.values(familyWeights).reduce((sum, weight) => sum + weight, 0);
  const caps = capWeights.errors + 5 * capWeights.latencyEach;
  assert.ok((traffic + caps) * (1 - businessShare) + businessShare <= 1 + 1e-9);
  const streams = new BusinessStreams([orders, refunds], 1000);
  const shown = streams.judge(onTraffic()).streams.map(({ stream, weight }) => [stream, weight]);
  assert.deepEqual(shown, [
    ['business.orders', businessShare / 2],
    ['business.refunds', businessShare / 2],
  ]);
});

test('a verdict is left alone when there are no business streams', () => {
  const verdict = onTraffic('hold');
  assert.equal(new BusinessStreams([], 1000).judge(verdict), verdict);
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
    verdict = streams.judge(onTraffic());
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

test('suspicion of a business stream holds an advance before it reverts', () => {
  const random = createRandom(5);
  const streams = new BusinessStreams([orders], 1000);
  const decisions: string[] = [];
  for (let push = 0; push < 400 && decisions.at(-1) !== 'revert'; push++) {
    streams.push('orders', 'x', 900, binomial(random, 900, 0.02));
    streams.push('orders', 'y', 100, binomial(random, 100, 0.06));
    for (let tick = 0; tick < 60; tick++) streams.tick(250);
    const { decision, rule } = streams.judge(onTraffic());
    decisions.push(rule === 'suspicion' ? 'suspicion' : decision);
  }
  assert.deepEqual([...new Set(decisions)], ['advance', 'suspicion', 'revert']);
});

test('what the traffic says alone counts for its share and keeps its words', () => {
  const streams = new BusinessStreams([orders], 1000);
  const clear = streams.judge(onTraffic('revert', bar + 0.2));
  assert.deepEqual([clear.decision, clear.text], ['revert', 'traffic says revert']);
  const barely = streams.judge(onTraffic('revert', bar + 0.05));
  assert.deepEqual([barely.decision, barely.rule], ['hold', 'suspicion']);
  assert.equal(streams.judge(onTraffic('hold')).text, 'traffic says hold');
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
    streams.judge(onTraffic()).streams.find(({ stream }) => stream === 'business.orders')?.logWorse;
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
