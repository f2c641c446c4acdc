import assert from 'node:assert/strict';
import { test } from 'node:test';
import { X } from '#src/shared-memory/layout.ts';
import { nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { backend, startControl } from '../support/control-rig.ts';

test('split set by hand is published in parts per million and answered in percent', async (t) => {
  const rig = await startControl(t);
  const set = await rig.call('PUT', '/v1/split', { body: { y: 12.3457, reason: 'a try' } });
  assert.deepEqual([set.status, set.json], [200, { x: 87.6543, y: 12.3457, revision: 2, recorded: true }]);
  assert.equal(new SplitCell(rig.memory.split).read().weightPpm, 123_457);
  const got = await rig.call('GET', '/v1/split');
  assert.deepEqual({ ...got.json, recorded: true }, set.json);
  assert.equal(got.headers.etag, set.headers.etag);
});

test('split change with If-Match is made when the tag is current and refused when it is old', async (t) => {
  const rig = await startControl(t);
  const { etag } = (await rig.call('GET', '/v1/split')).headers as { etag: string };
  const first = await rig.call('PUT', '/v1/split', { body: { y: 10 }, headers: { 'if-match': etag } });
  assert.equal(first.status, 200);
  const lost = await rig.call('PUT', '/v1/split', { body: { y: 20 }, headers: { 'if-match': etag } });
  assert.deepEqual([lost.status, lost.json.code, lost.json.current.y], [412, 'stale_revision', 10]);
  const list = `"other", ${String(first.headers.etag)}`;
  assert.equal(
    (await rig.call('PUT', '/v1/split', { body: { y: 20 }, headers: { 'if-match': list } })).status,
    200,
  );
  assert.equal(
    (await rig.call('PUT', '/v1/split', { body: { y: 30 }, headers: { 'if-match': '*' } })).status,
    200,
  );
});

test('split that is already so keeps its revision', async (t) => {
  const rig = await startControl(t);
  const first = await rig.call('PUT', '/v1/split', { body: { y: 10 } });
  const second = await rig.call('PUT', '/v1/split', { body: { y: 10 } });
  assert.equal(second.json.revision, first.json.revision);
});

test('split change is refused while a rollout runs and made while it is paused', async (t) => {
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const rig = await startControl(t, { nodes });
  await rig.call('POST', '/v1/rollout');
  await rig.untilEvent('rollout-step');
  const refused = await rig.call('PUT', '/v1/split', { body: { y: 50 } });
  assert.deepEqual(
    [refused.status, refused.json.code, refused.json.current.phase],
    [409, 'wrong_state', 'ramping'],
  );
  assert.match(String(refused.headers['content-type']), /^application\/problem\+json/);
  assert.equal(
    (await rig.call('POST', '/v1/rollout/pause', { body: { reason: 'look' } })).json.phase,
    'paused',
  );
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 50 } })).json.y, 50);
});

test('everything is sent to an X that alone is down only when that is forced', async (t) => {
  const rig = await startControl(t, { nodes: { x: [1], y: [await backend(t)] } });
  await rig.call('PUT', '/v1/split', { body: { y: 10 } });
  Atomics.store(new Int32Array(rig.memory.nodeHealth), nodeHealthIndex(X, 0), nodeHealth.unhealthy);
  for (const [method, path, body] of [
    ['PUT', '/v1/split', { y: 0 }],
    ['POST', '/v1/rollout/revert', {}],
  ] as const) {
    const refused = await rig.call(method, path, { body });
    assert.deepEqual([refused.status, refused.json.code], [409, 'x_unhealthy'], path);
    assert.match(refused.json.detail, /X has no healthy node, and Y has 1.*"force": true/);
    assert.equal(new SplitCell(rig.memory.split).read().weightPpm, 100_000);
    assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 10 } })).status, 200, 'Y may keep some');
    assert.equal((await rig.call(method, path, { body: { ...body, force: true } })).status, 200);
    assert.equal(new SplitCell(rig.memory.split).read().weightPpm, 0);
    assert.equal((await rig.call('POST', '/v1/rollout/revert')).status, 200, 'nothing is left to send there');
    await rig.call('PUT', '/v1/split', { body: { y: 10 } });
  }
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.match(JSON.stringify(events), /forced: X has no healthy node, and Y has 1/);
});

const badBodies: readonly [body: unknown, pointer: string][] = [
  [{}, '#/y'],
  [{ y: 101 }, '#/y'],
  [{ y: -0.1 }, '#/y'],
  [{ y: '25' }, '#/y'],
  [{ y: null }, '#/y'],
  [{ y: 5, z: 1 }, '#/z'],
  [[], '#'],
];
for (const [body, pointer] of badBodies) {
  test(`split body ${JSON.stringify(body)} is refused with a pointer to the mistake`, async (t) => {
    const rig = await startControl(t);
    const { status, json } = await rig.call('PUT', '/v1/split', { body });
    assert.deepEqual([status, json.code, json.errors[0].pointer], [400, 'invalid_request', pointer]);
    assert.equal(new SplitCell(rig.memory.split).read().weightPpm, 0);
  });
}

test('every mistake of a request is told at once, in words', async (t) => {
  const rig = await startControl(t);
  const split = await rig.call('PUT', '/v1/split', { body: { y: 200, foo: 1, bar: 2 } });
  assert.deepEqual(split.json.errors, [
    { pointer: '#/foo', detail: 'is not known; expected y, reason, override or force' },
    { pointer: '#/bar', detail: 'is not known; expected y, reason, override or force' },
    { pointer: '#/y', detail: 'is 200; expected at most 100' },
  ]);
  assert.match(split.json.detail, /^foo is not known; .*; y is 200; expected at most 100$/);
  const plan = await rig.call('POST', '/v1/rollout', {
    body: { steps: 'x', bake: 'x', soak: 7, onBadRoute: 'ask' },
  });
  assert.deepEqual(
    Object.fromEntries(
      plan.json.errors.map((mistake: { pointer: string; detail: string }) => [
        mistake.pointer,
        mistake.detail,
      ]),
    ),
    {
      '#/steps': 'is "x"; expected a list',
      '#/bake': 'is "x"; expected such as 60s or 10m',
      '#/soak': 'is 7; expected a text',
      '#/onBadRoute': 'is "ask"; expected revert or park',
    },
  );
  const nodes = await rig.call('GET', '/v1/clusters/z/nodes');
  assert.deepEqual([nodes.status, nodes.json.detail], [400, 'cluster is "z"; expected x or y']);
});

test('a large body is refused for its first mistake, and a long key is not repeated', async (t) => {
  const rig = await startControl(t);
  const large = await rig.call('PUT', '/v1/clusters/y/nodes', { body: { nodes: Array(200_000).fill(1) } });
  assert.deepEqual(large.json.errors, [
    { pointer: '#/nodes', detail: 'is a list; expected at most 64 of them' },
  ]);
  const key = `a/~\n${'k'.repeat(10_000)}`;
  const long = await rig.call('PUT', '/v1/split', { body: { y: 1, [key]: 1 } });
  assert.match(long.json.errors[0].pointer, /^#\/a~1~0\?k{30,40}\.\.\.$/);
});

test('bodies that are not JSON, too large or of another type are refused', async (t) => {
  const rig = await startControl(t);
  const send = (body: string, type = 'application/json') =>
    rig.call('PUT', '/v1/split', { body, headers: { 'content-type': type } });
  assert.deepEqual(await statusAndCode(send('{"y": 5')), [400, 'invalid_request']);
  assert.deepEqual(await statusAndCode(send('{"__proto__": {"y": 5}}')), [400, 'invalid_request']);
  assert.deepEqual(await statusAndCode(send('y=5', 'application/x-www-form-urlencoded')), [
    415,
    'unsupported_media_type',
  ]);
  assert.deepEqual(await statusAndCode(send('{"y": 5}', 'text/plain')), [415, 'unsupported_media_type']);
  const large = `{"y": 5, "reason": "${'x'.repeat(1024 * 1024)}"}`;
  assert.deepEqual(await statusAndCode(send(large)), [413, 'payload_too_large']);
});

async function statusAndCode(answer: Promise<{ status: number; json: { code: string } }>) {
  const { status, json } = await answer;
  return [status, json.code];
}

test('methods a resource does not have are refused with those it has', async (t) => {
  const rig = await startControl(t);
  const { status, headers, json } = await rig.call('DELETE', '/v1/split');
  assert.deepEqual([status, json.code, headers.allow], [405, 'method_not_allowed', 'GET, HEAD, PUT']);
});

test('answers carry headers that keep browsers from framing, sniffing and caching them', async (t) => {
  const rig = await startControl(t, { token: 'secret' });
  for (const authorization of ['Bearer secret', '']) {
    const { headers } = await rig.call('GET', '/v1/split', { headers: { authorization } });
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
  }
});

test('a reason is kept with every character visible when it has some that act or hide', async (t) => {
  const rig = await startControl(t);
  const reason = 'looks fine\u001b[2K\u202e\u200b\nreally';
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 1, reason } })).status, 200);
  assert.equal((await rig.call('PUT', '/v1/freeze', { body: { frozen: true, reason } })).status, 200);
  const shown = 'looks fine\\u001b[2K\\u202e\\u200b really';
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const texts = JSON.stringify(events);
  assert.equal(texts.split(JSON.stringify(shown).slice(1, -1)).length > 2, true, texts);
  assert.doesNotMatch(texts, /u001b(?!\[2K)|[\p{Cc}\p{Cf}]/u);
  assert.equal((await rig.call('GET', '/v1/freeze')).json.reason, shown);
});
