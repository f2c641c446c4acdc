import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { proxyErrorIndex } from '#src/base/error-catalog.ts';
import { createRandom } from '#src/base/random.ts';
import { foldHistogram } from '#src/control-plane/exposition/folded-histogram.ts';
import { SlabTotals } from '#src/control-plane/traffic/slab-totals.ts';
import { failureCause } from '#src/core/telemetry/failure-cause.ts';
import {
  ATTEMPT,
  attemptOffset,
  causesOffset,
  failoverKindOffset,
  failoverShortageOffset,
  failoverStatusOffset,
  failureKindIndex,
  NODE,
  nodeOffset,
  noNodeSlot,
  rejectedOffset,
  shortageOffset,
  WORKER,
  X,
  Y,
} from '#src/shared-memory/layout.ts';
import { createSharedMemory, nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';
import { skipWithout } from '../../support/peers.ts';
import { backend, type ControlRig, startControl } from '../support/control-rig.ts';
import { add, countAnswers, countFailures } from '../support/counters.ts';

/** Value of one sample line, undefined when there is none. */
async function scrape(rig: ControlRig): Promise<(line: string) => number | undefined> {
  const { status, text, headers } = await rig.call('GET', '/metrics');
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0 && !line.startsWith('#')) samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return (name) => samples.get(name);
}

test('metrics pass the linter of Prometheus', { skip: skipWithout('prometheus') }, async (t) => {
  const rig = await startControl(t);
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 200, count: 3, ms: 20 });
  const { text } = await rig.call('GET', '/metrics');
  const linter = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.deepEqual([linter.status, linter.stderr], [0, '']);
});

test('metrics give exactly what the workers counted', async (t) => {
  const rig = await startControl(t, { memory: createSharedMemory(2) });
  countAnswers(rig.memory, { worker: 0, arm: X, epoch: 1 }, { status: 200, count: 1_000_003, ms: 20 });
  countAnswers(rig.memory, { worker: 1, arm: X, epoch: 1 }, { status: 200, count: 7, ms: 400 });
  countAnswers(rig.memory, { worker: 1, arm: Y, epoch: 1 }, { status: 503, count: 11 });
  countFailures(rig.memory, { worker: 0, arm: Y, epoch: 1 }, 'connect', 3);
  countFailures(rig.memory, { worker: 1, arm: Y, epoch: 2 }, 'connect', 4);
  add(rig.memory, 0, failoverKindOffset(failureKindIndex.reset), 5);
  add(rig.memory, 1, failoverStatusOffset(502), 6);
  add(rig.memory, 1, rejectedOffset(proxyErrorIndex.hostInvalid), 9);
  add(rig.memory, 0, WORKER.connectionsOpen, 12);
  add(rig.memory, 1, WORKER.connectionsOpen, 13);
  add(rig.memory, 1, WORKER.breakerDiverted, 2);
  add(rig.memory, 1, WORKER.parkedDiverted, 3);
  const value = await scrape(rig);
  assert.equal(value('crossover_requests_total{cluster="x",code="200"}'), 1_000_010);
  assert.equal(value('crossover_requests_total{cluster="y",code="503"}'), 11);
  assert.equal(value('crossover_failures_total{cluster="y",kind="connect"}'), 7);
  assert.equal(value('crossover_failures_total{cluster="x",kind="connect"}'), 0);
  assert.equal(value('crossover_failovers_total{from="y",to="x",reason="reset"}'), 5);
  assert.equal(value('crossover_failovers_total{from="y",to="x",reason="502"}'), 6);
  assert.equal(value('crossover_rejected_requests_total{code="host_invalid"}'), 9);
  assert.equal(value('crossover_client_connections'), 25);
  assert.equal(value('crossover_breaker_diverted_requests_total'), 2);
  assert.equal(value('crossover_parked_diverted_requests_total'), 3);
  assert.equal(value('crossover_request_duration_seconds_count{cluster="x"}'), 1_000_010);
  assert.equal(value('crossover_request_duration_seconds_bucket{cluster="x",le="0.025"}'), 1_000_003);
  assert.equal(value('crossover_request_duration_seconds_bucket{cluster="x",le="0.5"}'), 1_000_010);
  assert.equal(value('crossover_request_duration_seconds_bucket{cluster="x",le="+Inf"}'), 1_000_010);
  assert.equal(
    value('crossover_request_duration_seconds_sum{cluster="x"}'),
    (1_000_003 * 20 + 7 * 400) / 1000,
  );
});

test('metrics follow split, rollout, nodes and store', async (t) => {
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const rig = await startControl(t, { nodes });
  await rig.call('POST', '/v1/rollout', { body: { steps: [25, 100] } });
  await rig.untilEvent('rollout-step');
  add(rig.memory, 0, nodeOffset(Y, 0) + NODE.requests, 4);
  add(rig.memory, 0, nodeOffset(Y, 0) + NODE.ejections, 2);
  add(rig.memory, 0, nodeOffset(X, 0) + NODE.connects, 5);
  new Int32Array(rig.memory.nodeHealth)[nodeHealthIndex(Y, 0)] = nodeHealth.unhealthy;
  const value = await scrape(rig);
  const node = `127.0.0.1:${nodes.y[0]}`;
  assert.equal(value('crossover_split_ratio{cluster="x"}'), 0.75);
  assert.equal(value('crossover_split_ratio{cluster="y"}'), 0.25);
  assert.equal(value('crossover_rollout_phase{phase="ramping"}'), 1);
  assert.equal(value('crossover_rollout_phase{phase="idle"}'), 0);
  assert.equal(value('crossover_rollout_step'), 1);
  assert.equal(value(`crossover_node_healthy{cluster="y",node="${node}"}`), 0);
  assert.equal(value(`crossover_node_requests_total{cluster="y",node="${node}"}`), 4);
  assert.equal(value(`crossover_node_ejections_total{cluster="y",node="${node}"}`), 2);
  assert.equal(value(`crossover_node_connects_total{cluster="x",node="127.0.0.1:${nodes.x[0]}"}`), 5);
  assert.equal(value('crossover_store_writable'), 1);
  assert.ok(Number(value('process_cpu_seconds_total')) > 0);
});

test('failures are counted by who made them, in every epoch', async (t) => {
  const rig = await startControl(t);
  add(rig.memory, 0, attemptOffset(Y, 1) + ATTEMPT.kongFailures, 2);
  add(rig.memory, 0, attemptOffset(Y, 7) + ATTEMPT.kongFailures, 1);
  add(rig.memory, 0, attemptOffset(X, 2) + ATTEMPT.serviceFailures, 5);
  const value = await scrape(rig);
  assert.equal(value('crossover_kong_made_failures_total{cluster="y"}'), 3);
  assert.equal(value('crossover_kong_made_failures_total{cluster="x"}'), 0);
  assert.equal(value('crossover_service_made_failures_total{cluster="x"}'), 5);
});

test('failures of upstreams are given by node and cause, and only those that there were', async (t) => {
  const nodes = { x: [await backend(t)], y: [await backend(t), await backend(t)] };
  const rig = await startControl(t, { nodes, memory: createSharedMemory(2) });
  const refused = failureCause('connect', 'ECONNREFUSED').index;
  add(rig.memory, 0, causesOffset(Y, 1) + refused, 2);
  add(rig.memory, 1, causesOffset(Y, 1) + refused, 3);
  add(rig.memory, 0, causesOffset(X, noNodeSlot) + failureCause('select', 'no_node').index, 4);
  const { text } = await rig.call('GET', '/metrics');
  const samples = text.split('\n').filter((line) => line.startsWith('crossover_upstream_failures_total{'));
  assert.deepEqual(samples, [
    'crossover_upstream_failures_total{cluster="x",node="",phase="select",code="no_node"} 4',
    `crossover_upstream_failures_total{cluster="y",node="127.0.0.1:${nodes.y[1]}",phase="connect",code="ECONNREFUSED"} 5`,
  ]);
});

test('shortages of our own are given by operation and resource, and the requests by cluster', async (t) => {
  const rig = await startControl(t);
  add(rig.memory, 0, shortageOffset('accept', 'descriptors'), 2);
  add(rig.memory, 0, shortageOffset('connect', 'queue'), 3);
  add(rig.memory, 0, failoverShortageOffset, 4);
  for (const epoch of [1, 6]) add(rig.memory, 0, attemptOffset(Y, epoch) + ATTEMPT.ownShortages, epoch);
  const value = await scrape(rig);
  assert.equal(value('crossover_own_shortage_total{operation="accept",resource="descriptors"}'), 2);
  assert.equal(value('crossover_own_shortage_total{operation="connect",resource="queue"}'), 3);
  assert.equal(value('crossover_own_shortage_total{operation="connect",resource="ports"}'), 0);
  assert.equal(value('crossover_own_shortage_requests_total{cluster="y"}'), 7);
  assert.equal(value('crossover_own_shortage_requests_total{cluster="x"}'), 0);
  assert.equal(value('crossover_failovers_total{from="y",to="x",reason="shortage"}'), 4);
});

test('folded histogram never counts a request below its latency and is at most 2 % off', () => {
  const seed = Date.now() >>> 0;
  const random = createRandom(seed);
  const memory = createSharedMemory(1);
  const latencies: number[] = [];
  for (let request = 0; request < 2_000; request++) {
    const ms = 0.05 * 1.02 ** (random.next() * 800);
    latencies.push(ms);
    countAnswers(memory, { arm: Y, epoch: 1 }, { status: 200, count: 1, ms });
  }
  const { cumulative, count } = foldHistogram(new SlabTotals(memory), Y);
  assert.equal(count, latencies.length);
  const bounds = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];
  for (const [index, boundMs] of bounds.entries()) {
    const atMost = latencies.filter((ms) => ms <= boundMs).length;
    const surely = latencies.filter((ms) => ms <= boundMs / 1.0201).length;
    const folded = cumulative[index] ?? count;
    assert.ok(folded <= atMost && folded >= surely, `seed ${seed}: ${surely} <= ${folded} <= ${atMost}`);
  }
});
