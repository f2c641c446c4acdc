// What is frozen at a revert, on a control thread with its real API and store.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { RouteFailures } from '#src/record/frozen-evidence.ts';
import { otherRouteSlot, X, Y } from '#src/shared-memory/layout.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';
import { until } from '../../support/until.ts';
import { backend, type ControlRig, type RigOptions, startControl } from '../support/control-rig.ts';
import { countAnswers, countRoute } from '../support/counters.ts';
import { lockStore } from '../support/store-lock.ts';
import { quickFolder } from '../support/temp-folder.ts';

const sample = (atMs: number, requestId: string): RequestSample => ({
  atMs,
  requestId,
  node: '127.0.0.1:12',
  status: 500,
  kind: null,
  cause: null,
  maker: null,
  latencyMs: 12.5,
  request: 'POST /checkout',
  route: 'pay',
});

async function ramping(t: TestContext, options: RigOptions = {}): Promise<ControlRig> {
  const [x, y] = [await backend(t), await backend(t)];
  const rig = await startControl(t, { nodes: { x: [x], y: [y] }, ...options });
  await begin(rig);
  return rig;
}

/** Starts a rollout, the `number`th of the rig, and waits for its first step. */
async function begin(rig: ControlRig, number = 1): Promise<void> {
  assert.equal((await rig.call('POST', '/v1/rollout', { body: { reason: 'Kong 3.10' } })).status, 201);
  await rig.untilEvent('rollout-step', number);
}

/**
 * Lets the loop see some traffic on both clusters: one answer of X first, and the rest once it knows whose
 * traffic this is.
 */
async function sendTraffic(rig: ControlRig, routeSlot = otherRouteSlot): Promise<void> {
  let compared: number[] = [];
  const areCompared = (x: number, y: number) => async (): Promise<boolean> => {
    const { verdict } = (await rig.call('GET', '/v1/status')).json;
    const errors = verdict?.streams[0];
    compared = [errors?.x.requests, errors?.y.requests];
    return compared[0] === x && compared[1] === y;
  };
  const { revision: epoch } = (await rig.call('GET', '/v1/split')).json;
  countAnswers(rig.memory, { arm: X, epoch }, { status: 200, count: 1, ms: 40 });
  await until(areCompared(1, 0), 'the first answer to be compared', () => compared);
  countAnswers(rig.memory, { arm: X, epoch }, { status: 200, count: 299, ms: 40 });
  countAnswers(rig.memory, { arm: Y, epoch }, { status: 200, count: 20, ms: 80 });
  countAnswers(rig.memory, { arm: Y, epoch }, { status: 503, count: 4 });
  countRoute(rig.memory, { arm: Y, epoch }, { slot: routeSlot, requests: 24, failures: 4 });
  await until(areCompared(300, 24), 'the traffic to be compared', () => compared);
}

test('evidence has what led to the revert when an operator makes it', async (t) => {
  const samples = [sample(Date.now() - 10 * 60_000, 'long-ago'), sample(Date.now() - 1, 'before-it-began')];
  const rig = await ramping(t, { samples });
  const failed = sample(Date.now(), 'just-now');
  samples.push(failed);
  await sendTraffic(rig);
  await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'tickets' } });
  await rig.untilEvent('evidence-frozen');
  const { id } = (await rig.call('GET', '/v1/rollout')).json;
  const { status, json } = await rig.call('GET', `/v1/evidence/${id}`);
  assert.equal(status, 200);
  assert.deepEqual([json.id, json.rolloutId, json.problem, json.fromWeight], [id, id, null, 1]);
  assert.deepEqual([json.cause, json.actor.length > 0], [{ name: 'operator', text: 'tickets' }, true]);
  const totals = json.windows.reduce(
    (sum: number[], { x, y }: { x: { requests: number }; y: { requests: number; failures: number } }) => [
      (sum[0] ?? 0) + x.requests,
      (sum[1] ?? 0) + y.requests,
      (sum[2] ?? 0) + y.failures,
    ],
    [],
  );
  assert.deepEqual(totals, [300, 24, 4]);
  assert.ok(json.windows.at(-1).y.p99Ms > 70);
  assert.equal(json.verdict.streams.length > 0, true);
  assert.deepEqual([json.nodes.x.length, json.nodes.y.length, json.configRevision], [1, 1, 1]);
  assert.deepEqual(json.samples, [failed]);
});

test('the event of the evidence names the request that most of what was kept has in common', async (t) => {
  const samples: RequestSample[] = [];
  const rig = await ramping(t, { samples });
  for (const id of ['a', 'b', 'c', 'd']) samples.push(sample(Date.now(), id));
  await rig.call('POST', '/v1/rollout/revert');
  await rig.untilEvent('evidence-frozen');
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const frozen = events.find(({ name }: { name: string }) => name === 'evidence-frozen');
  assert.match(frozen.text, /4 requests\. 4 of 4 requests that were kept are POST \/checkout\.$/);
});

test('evidence of a rollout names no route and no request that failed in an earlier one', async (t) => {
  const samples: RequestSample[] = [];
  const rig = await ramping(t, { samples });
  samples.push(sample(Date.now(), 'of-the-first'));
  await sendTraffic(rig, 2);
  const first = await revertedEvidence(rig);
  assert.deepEqual(
    first.routes.map(({ route, y }: RouteFailures) => [route, y.failures]),
    [['route 2', 4]],
  );
  assert.deepEqual([first.samples.length, first.problem], [1, null]);
  await begin(rig, 2);
  await sendTraffic(rig, 1);
  const second = await revertedEvidence(rig);
  assert.notEqual(second.id, first.id);
  assert.deepEqual(
    second.routes.map(({ route, y }: RouteFailures) => [route, y.failures]),
    [['route 1', 4]],
  );
  assert.deepEqual(second.samples, []);
});

/** Reverts by hand and returns what was frozen of it. */
async function revertedEvidence(rig: ControlRig) {
  const { id } = (await rig.call('POST', '/v1/rollout/revert')).json;
  const ask = () => rig.call('GET', `/v1/evidence/${id}`);
  await until(async () => (await ask()).status === 200, 'the evidence of the revert');
  return (await ask()).json;
}

test('evidence is listed without its bulk, on record in the chain, and there after a restart', async (t) => {
  const rig = await ramping(t);
  await rig.call('POST', '/v1/rollout/revert');
  await rig.untilEvent('evidence-frozen');
  const { evidence } = (await rig.call('GET', '/v1/evidence')).json;
  assert.deepEqual(Object.keys(evidence[0]).toSorted(), [
    'actor',
    'atMs',
    'cause',
    'configRevision',
    'fromWeight',
    'id',
    'problem',
    'rolloutId',
  ]);
  const { json: check } = await rig.call('GET', '/v1/record/verify');
  assert.deepEqual([check.intact, check.chains.evidence.records], [true, 1]);
  await rig.stop();
  const next = await startControl(t, { database: rig.database });
  assert.deepEqual((await next.call('GET', '/v1/evidence')).json.evidence, evidence);
  assert.equal((await next.call('GET', '/v1/evidence/unknown')).status, 404);
});

test('evidence of a split that was set by hand is frozen under its time', async (t) => {
  const rig = await startControl(t);
  await rig.call('PUT', '/v1/split', { body: { y: 5 } });
  assert.equal((await rig.call('POST', '/v1/rollout/revert')).status, 200);
  await rig.untilEvent('evidence-frozen');
  const { evidence } = (await rig.call('GET', '/v1/evidence')).json;
  assert.match(evidence[0].id, /^split-\d+$/);
  assert.deepEqual([evidence[0].rolloutId, evidence[0].fromWeight], [null, 5]);
});

test('evidence is kept in memory while the store is locked and written when it is not', async (t) => {
  const rig = await ramping(t);
  const letGo = lockStore(t, rig.database);
  const reverted = await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'now' } });
  assert.deepEqual([reverted.status, reverted.json.phase], [200, 'reverted']);
  await rig.untilEvent('evidence-frozen');
  const { id } = reverted.json;
  const waiting = await rig.call('GET', `/v1/evidence/${id}`);
  assert.deepEqual([waiting.status, waiting.json.cause.text], [200, 'now']);
  assert.equal((await rig.call('GET', '/v1/evidence')).json.evidence[0].id, id);
  const reader = new DatabaseSync(rig.database, { readOnly: true });
  assert.equal(countRows(reader), 0);
  letGo();
  await rig.untilEvent('store-recovered');
  assert.equal(countRows(reader), 1);
  reader.close();
  assert.deepEqual((await rig.call('GET', `/v1/evidence/${id}`)).json, waiting.json);
  assert.equal((await rig.call('GET', '/v1/record/verify')).json.intact, true);
});

const countRows = (db: DatabaseSync): unknown =>
  db.prepare('SELECT count(*) AS rows FROM evidence').get()?.rows;

test('evidence does not hold back the revert, and is kept without samples when the workers do not answer', async (t) => {
  const rig = await ramping(t, { samples: 'never' });
  const reverted = await rig.call('POST', '/v1/rollout/revert');
  assert.deepEqual([reverted.json.phase, reverted.json.weight], ['reverted', 0]);
  await rig.untilPosted((message): message is typeof message => message.type === 'report-samples');
  // A thread that is told to stop does not wait for the answer either.
  await rig.stop();
  const next = await startControl(t, { database: rig.database });
  const { json } = await next.call('GET', `/v1/evidence/${reverted.json.id}`);
  assert.match(json.problem, /requests could not be had/);
  assert.deepEqual(json.samples, []);
});

test('evidence goes back before a restart of the control thread', async (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const rig = await ramping(t, { database });
  await sendTraffic(rig);
  await rig.stop();
  const next = await startControl(t, { database, memory: rig.memory, generation: 1 });
  await next.call('POST', '/v1/rollout/revert');
  await next.untilEvent('evidence-frozen');
  const { evidence } = (await next.call('GET', '/v1/evidence')).json;
  const { json } = await next.call('GET', `/v1/evidence/${evidence[0].id}`);
  assert.equal(json.windows[0].y.failures, 4);
});
