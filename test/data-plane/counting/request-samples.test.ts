import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestSamples } from '#src/data-plane/counting/request-samples.ts';
import { answerSampleEveryMs, answerSamplesMax, failureSamplesMax, latencyQuantiles } from '#src/limits.ts';
import { Y } from '#src/shared-memory/layout.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

const base: RequestSample = {
  atMs: 0,
  requestId: 'r',
  node: 'n',
  status: 500,
  kind: null,
  cause: null,
  maker: null,
  latencyMs: 1,
  request: 'GET /',
  route: 'users',
};

/** Slow on Y from 10, 20, 30, 40 and 50 ms on. */
function thresholds(): Float64Array {
  const ages = new Float64Array(2 * latencyQuantiles.length).fill(Infinity);
  for (const quantile of latencyQuantiles.keys()) ages[slowThresholdIndex(Y, quantile)] = (quantile + 1) * 10;
  return ages;
}

describe('RequestSamples', () => {
  it('keeps the last failures, oldest first, however fast they come', () => {
    const samples = new RequestSamples(thresholds());
    for (let atMs = 0; atMs < failureSamplesMax + 10; atMs++) {
      assert.ok(samples.wants(500, 1, 0));
      samples.add({ ...base, atMs });
    }
    samples.add({ ...base, status: null, kind: 'reset', atMs: failureSamplesMax + 10 });
    const times = samples.list().map((sample) => sample.atMs);
    assert.equal(times.length, failureSamplesMax);
    assert.deepEqual([times[0], times.at(-1)], [11, failureSamplesMax + 10]);
  });

  it('wants no fast success, and none at all while nobody knows what is slow', () => {
    assert.equal(new RequestSamples(thresholds()).wants(200, 10, 0), false);
    assert.equal(new RequestSamples(thresholds()).wants(200, 10.1, 0), true);
    const unknown = new Float64Array(2 * latencyQuantiles.length).fill(Infinity);
    assert.equal(new RequestSamples(unknown).wants(200, 100_000, 0), false);
  });

  it('wants a few a second of each status class and of each quantile, and failures among them', () => {
    const samples = new RequestSamples(thresholds());
    const classes = [301, 401, 403, 404, 429, 400].map((status) => [status, 1] as const);
    const slow = [15, 25, 35, 45, 55].map((latencyMs) => [200, latencyMs] as const);
    for (const [status, latencyMs] of [...classes, ...slow]) {
      assert.equal(samples.wants(status, latencyMs, 0), true, `${status} after ${latencyMs} ms`);
      assert.equal(samples.wants(status, latencyMs, answerSampleEveryMs - 1), false);
      assert.equal(samples.wants(status, latencyMs, answerSampleEveryMs), true);
    }
    assert.equal(samples.wants(503, 1, answerSampleEveryMs), true);
  });

  it('keeps the last of each class, whatever there is of the others', () => {
    const samples = new RequestSamples(thresholds());
    samples.add({ ...base, status: 401, atMs: -1 });
    samples.add({ ...base, status: 200, latencyMs: 60, atMs: -2 });
    for (let atMs = 0; atMs < 3 * answerSamplesMax; atMs++) {
      samples.add({ ...base, status: 404, atMs });
      samples.add({ ...base, status: 200, latencyMs: 12, atMs });
    }
    const kept = samples.list();
    assert.equal(kept.length, 2 + 2 * answerSamplesMax);
    assert.equal(kept.filter(({ status }) => status === 401).length, 1);
    assert.equal(kept.filter(({ latencyMs }) => latencyMs === 60).length, 1);
  });
});
