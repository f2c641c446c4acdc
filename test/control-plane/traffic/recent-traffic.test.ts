import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentTraffic } from '#src/control-plane/traffic/recent-traffic.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';

function sample(atMs: number, requests: number, failures: number, ms: number): TickSample {
  const x = new ArmSample();
  x.requests = requests;
  x.failures = failures;
  x.latency[latencyBucketIndex(ms)] = requests - failures;
  return {
    atMs,
    dtMs: 250,
    epochs: requests === 0 ? [] : [{ epoch: 1, weightPpm: 0, x, y: new ArmSample() }],
  };
}

test('recent traffic gives rates over the last ten seconds and forgets what is older', () => {
  const traffic = new RecentTraffic();
  for (let atMs = 250; atMs <= 10_000; atMs += 250) traffic.add(sample(atMs, 10, 1, 30), atMs);
  const { x, y } = traffic.read();
  assert.ok(Math.abs(x.requestsPerSecond - 40) < 0.01, String(x.requestsPerSecond));
  assert.ok(Math.abs((x.errorRate ?? 0) - 0.1) < 1e-9);
  assert.ok(Math.abs((x.p50Ms ?? 0) - 30) < 0.7);
  assert.deepEqual(y, { requestsPerSecond: 0, errorRate: null, p50Ms: null, p99Ms: null });
  for (let atMs = 10_250; atMs <= 21_000; atMs += 250) traffic.add(sample(atMs, 0, 0, 30), atMs);
  assert.deepEqual(traffic.read().x, { requestsPerSecond: 0, errorRate: null, p50Ms: null, p99Ms: null });
});

test('recent traffic hands over each minute once, when the next begins', () => {
  const traffic = new RecentTraffic();
  const minutes = [];
  for (let atMs = 0; atMs < 185_000; atMs += 1_000) {
    const minute = traffic.add(sample(atMs, 2, 1, 30), 600_000 + atMs);
    if (minute !== null) minutes.push(minute);
  }
  assert.deepEqual(
    minutes.map(({ atMs, clusters }) => [atMs, clusters.x.requests, clusters.x.failures]),
    [
      [600_000, 120, 60],
      [660_000, 120, 60],
      [720_000, 120, 60],
    ],
  );
});
