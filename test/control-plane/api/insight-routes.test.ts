import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { streamClientsMax } from '#src/control-plane/api/stream-route.ts';
import { ANSWER, answerOffset, NODE, nodeOffset, WORKER, X, Y } from '#src/shared-memory/layout.ts';
import { nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';
import { authorization } from '../../support/control.ts';
import { orHang, until } from '../../support/until.ts';
import { backend, type ControlRig, startControl } from '../support/control-rig.ts';
import { add, countAnswers } from '../support/counters.ts';

test('status shows split, clusters, nodes, verdict, workers and store', async (t) => {
  const rig = await startControl(t, { nodes: { x: [11], y: [12, 13] } });
  add(rig.memory, 0, nodeOffset(Y, 1) + NODE.requests, 7);
  add(rig.memory, 0, nodeOffset(Y, 1) + NODE.failures, 2);
  add(rig.memory, 0, nodeOffset(Y, 1) + NODE.inFlight, 1);
  add(rig.memory, 0, nodeOffset(Y, 1) + NODE.ejected, 1);
  new Int32Array(rig.memory.nodeHealth)[nodeHealthIndex(Y, 0)] = nodeHealth.unhealthy;
  const { json } = await rig.call('GET', '/v1/status');
  assert.deepEqual([json.phase, json.step, json.split], ['idle', null, { x: 100, y: 0, revision: 1 }]);
  assert.deepEqual([json.clusters.x.label, json.clusters.y.label], ['old', 'new']);
  assert.equal(json.clusters.y.nodes[0].healthy, false);
  assert.deepEqual(json.clusters.y.nodes[1], {
    id: '127.0.0.1:13',
    healthy: null,
    ejected: true,
    draining: false,
    inFlight: 1,
    requests: 7,
    failures: 2,
  });
  assert.deepEqual([json.store.writable, json.store.problem], [true, null]);
  assert.match(json.store.end.hash, /^[0-9a-f]{64}$/);
  assert.equal(json.workers.length, 1);
  assert.equal(typeof json.uptimeSeconds, 'number');
  assert.match(json.version, /^\d+\.\d+\.\d+$/);
});

test('status shows what clients got over the last seconds when the loop has sampled it', async (t) => {
  const rig = await startControl(t);
  await untilStatus(rig, (status) => status.verdict !== null);
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 200, count: 99, ms: 40 });
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 500, count: 1 });
  const { clusters } = await untilStatus(rig, (status) => status.clusters.x.errorRate !== null);
  assert.equal(clusters.x.errorRate, 0.01);
  assert.ok(clusters.x.requestsPerSecond > 0);
  assert.ok(Math.abs(clusters.x.p50Ms - 40) < 1);
  assert.equal(clusters.y.errorRate, null);
});

test('an open breaker is an event when it keeps a split that was set by hand from Y, and its closing is one', async (t) => {
  const rig = await startControl(t);
  await rig.call('PUT', '/v1/split', { body: { y: 50 } });
  const slab = new Float64Array(rig.memory.slabs[0] as SharedArrayBuffer);
  slab[WORKER.breakerOpenSinceMs] = 1;
  slab[WORKER.breakerState] = 1;
  const traffic = setInterval(() => add(rig.memory, 0, WORKER.breakerDiverted, 1), 100);
  t.after(() => clearInterval(traffic));
  await rig.untilEvent('breaker-opened');
  slab[WORKER.breakerState] = 0;
  await rig.untilEvent('breaker-closed');
});

test('status shows the answers of X that the comparison has no requests of', async (t) => {
  const rig = await startControl(t);
  await untilStatus(rig, (status) => status.verdict !== null);
  add(rig.memory, 0, answerOffset(X) + ANSWER.status + 200, 80);
  const { clusters } = await untilStatus(rig, (status) => status.clusters.x.answersPerSecond > 0);
  assert.equal(clusters.x.requestsPerSecond, 0);
  assert.equal(clusters.y.answersPerSecond, 0);
});

/** Follows the stream, which brings a status every second, until one fits. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
async function untilStatus(rig: ControlRig, fits: (status: any) => boolean): Promise<any> {
  let last: unknown = null;
  const find = async (): Promise<unknown> => {
    for await (const { name, data } of stream(rig)) {
      last = data;
      if (name === 'status' && fits(data)) return data;
    }
    throw new Error('the stream ended');
  };
  return orHang(find(), `a status: ${fits}`, () => last);
}

async function* stream(rig: ControlRig, headers: Record<string, string> = {}) {
  const { body } = await request(`${rig.url}/v1/stream`, { headers: { ...headers, authorization } });
  let text = '';
  try {
    for await (const chunk of body) {
      text += String(chunk);
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string) =>
          lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        yield { id: field('id'), name: field('event'), data: JSON.parse(field('data') ?? 'null') };
      }
    }
  } finally {
    body.destroy();
  }
}

test('events are read from where a client stopped', async (t) => {
  const rig = await startControl(t);
  for (const y of [1, 2, 3]) await rig.call('PUT', '/v1/split', { body: { y } });
  const all = (await rig.call('GET', '/v1/events')).json;
  assert.deepEqual(
    all.events.map(({ name }: { name: string }) => name),
    ['started', 'rollout-split-set', 'rollout-split-set', 'rollout-split-set'],
  );
  const page = (await rig.call('GET', '/v1/events?after=1&limit=2')).json;
  assert.deepEqual([page.events.map(({ id }: { id: number }) => id), page.last], [[2, 3], 3]);
  assert.deepEqual((await rig.call('GET', '/v1/events?after=4')).json, { events: [], last: 4 });
});

for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=1001', 'since=5', 'after=1.5']) {
  test(`events query ${query} is refused`, async (t) => {
    const rig = await startControl(t);
    const { status, json } = await rig.call('GET', `/v1/events?${query}`);
    assert.deepEqual([status, json.code], [400, 'invalid_request']);
  });
}

test('stream brings the status at once, missed events, and events as they happen', async (t) => {
  const rig = await startControl(t);
  await rig.call('PUT', '/v1/split', { body: { y: 1 } });
  const seen: string[] = [];
  for await (const { id, name } of stream(rig, { 'last-event-id': '1' })) {
    if (name === 'event') seen.push(String(id));
    else if (seen.length === 0) seen.push('status');
    if (seen.length === 2) await rig.call('PUT', '/v1/split', { body: { y: 2 } });
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ['status', '2', '3']);
});

test('stream refuses more clients than it can serve and lets the next in when one leaves', async (t) => {
  const rig = await startControl(t);
  const open = await Promise.all(
    Array.from({ length: streamClientsMax }, () =>
      request(`${rig.url}/v1/stream`, { headers: { authorization } }),
    ),
  );
  assert.ok(open.every(({ statusCode }) => statusCode === 200));
  for (const { body } of open) body.on('error', () => {});
  const refused = await rig.call('GET', '/v1/stream');
  assert.deepEqual([refused.status, refused.json.code], [503, 'streams_exhausted']);
  open[0]?.body.destroy();
  const isLetIn = async (): Promise<boolean> => {
    const { statusCode, body } = await request(`${rig.url}/v1/stream`, { headers: { authorization } });
    body.on('error', () => {});
    body.destroy();
    return statusCode === 200;
  };
  await until(isLetIn, 'room for another client');
  for (const { body } of open) body.destroy();
});

test('history answers minutes in a range and refuses nonsense', async (t) => {
  const rig = await startControl(t);
  const { json } = await rig.call('GET', '/v1/history?from=0&to=60000');
  assert.deepEqual(json, { from: 0, to: 60_000, minutes: [] });
  assert.equal((await rig.call('GET', '/v1/history?from=yesterday')).status, 400);
});

test('analysis shows the verdict with its numbers', async (t) => {
  const rig = await startControl(t);
  await untilStatus(rig, (status) => status.verdict !== null);
  const { json } = await rig.call('GET', '/v1/analysis');
  assert.equal(json.verdict.rule, 'no-data');
  assert.equal(json.rollout.phase, 'idle');
});

test('config reload reports what changed, or every problem', async (t) => {
  const rig = await startControl(t, {
    reload: { ok: true, configRevision: 5, changed: ['health.interval'], warnings: [] },
  });
  const { status, json } = await rig.call('POST', '/v1/config/reload');
  const answer = { configRevision: 5, changed: ['health.interval'], warnings: [] };
  assert.deepEqual([status, json], [200, answer]);
  const problem = {
    file: 'a.yaml',
    line: 3,
    column: 5,
    path: 'workers',
    message: 'is not a number',
    hint: null,
  };
  const other = await startControl(t, { reload: { ok: false, problems: [problem] } });
  const refused = await other.call('POST', '/v1/config/reload');
  assert.deepEqual(
    [refused.status, refused.json.code, refused.json.errors],
    [422, 'config_invalid', [problem]],
  );
});

test('readiness fails when the proxy drains, and liveness does not', async (t) => {
  const rig = await startControl(t);
  await untilStatus(rig, (status) => status.workers[0].alive);
  assert.equal((await rig.call('GET', '/readyz')).status, 200);
  rig.tell({ type: 'draining' });
  const { status, json } = await rig.call('GET', '/readyz');
  assert.deepEqual([status, json.status], [503, 'not-ready']);
  assert.equal((await rig.call('GET', '/livez')).status, 200);
});

test('nodes are listed, replaced and drained, but never the last one in use', async (t) => {
  const port = await backend(t);
  const rig = await startControl(t, { nodes: { x: [11], y: [12, port] } });
  const ids = (answer: { json: { nodes: { id: string }[] } }) => answer.json.nodes.map(({ id }) => id);
  assert.deepEqual(ids(await rig.call('GET', '/v1/clusters/y/nodes')), ['127.0.0.1:12', `127.0.0.1:${port}`]);
  const drained = await rig.call('POST', '/v1/clusters/y/nodes/127.0.0.1:12/drain');
  assert.deepEqual(
    drained.json.nodes.map(({ draining }: { draining: boolean }) => draining),
    [true, false],
  );
  const last = await rig.call('POST', `/v1/clusters/y/nodes/127.0.0.1:${port}/drain`);
  assert.deepEqual([last.status, last.json.code], [409, 'wrong_state']);
  assert.equal((await rig.call('POST', '/v1/clusters/y/nodes/10.0.0.1:1/drain')).status, 404);
  const body = { nodes: ['http://10.0.0.1:8000', 'http://[::1]:8001'] };
  assert.deepEqual(ids(await rig.call('PUT', '/v1/clusters/y/nodes', { body })), [
    '10.0.0.1:8000',
    '[::1]:8001',
  ]);
  assert.equal((await rig.call('GET', '/v1/clusters/z/nodes')).status, 400);
});

const badNodes: readonly (readonly string[])[] = [
  [],
  ['https://10.0.0.1:8000'],
  ['http://10.0.0.1:8000/path'],
  ['http://user@10.0.0.1:8000'],
  ['ftp://10.0.0.1:21'],
  ['http://10.0.0.1:8000', 'http://10.0.0.1:8000'],
  ['http://127.0.0.1:8000'],
];
for (const nodes of badNodes) {
  test(`node list ${JSON.stringify(nodes)} is refused`, async (t) => {
    const rig = await startControl(t);
    const { status, json } = await rig.call('PUT', '/v1/clusters/y/nodes', { body: { nodes } });
    assert.deepEqual([status, json.code], [400, 'invalid_request']);
    assert.ok(json.errors.length > 0);
  });
}

test('openapi describes every documented path', async (t) => {
  const rig = await startControl(t);
  const { json } = await rig.call('GET', '/openapi.json');
  assert.ok(json.paths['/v1/split'].put.requestBody);
  assert.ok(json.paths['/v1/clusters/{cluster}/nodes/{id}/drain'].post);
  assert.equal(json.paths['/v1/split'].delete, undefined);
});
