import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { backend, type RigOptions, startControl } from '../support/control-rig.ts';
import { lockStore } from '../support/store-lock.ts';
import { tempFolder } from '../support/temp-folder.ts';

async function rampingRig(t: TestContext, options: RigOptions = {}) {
  const rig = await startControl(t, { nodes: { x: [await backend(t)], y: [await backend(t)] }, ...options });
  const started = await rig.call('POST', '/v1/rollout', { body: { steps: [5, 50, 100], reason: 'upgrade' } });
  assert.equal(started.status, 201, started.text);
  await rig.untilEvent('rollout-step');
  return rig;
}

const weightPpm = (rig: { memory: { split: SharedArrayBuffer } }): number =>
  new SplitCell(rig.memory.split).read().weightPpm;

test('rollout starts with the body over the config and tells who began it', async (t) => {
  const rig = await rampingRig(t);
  const { json } = await rig.call('GET', '/v1/rollout');
  assert.deepEqual(
    [json.phase, json.weight, json.steps, json.reason],
    ['ramping', 5, [5, 50, 100], 'upgrade'],
  );
  assert.deepEqual(json.step, { index: 0, count: 3, weight: 5 });
  assert.match(json.startedBy, /^token \((::ffff:)?127\.0\.0\.1\)$/);
  assert.equal(json.bakeMs, 60_000);
  assert.equal(weightPpm(rig), 50_000);
});

test('rollout follows the commands and refuses those that do not fit', async (t) => {
  const rig = await rampingRig(t);
  const command = async (name: string) => {
    const { status, json } = await rig.call('POST', `/v1/rollout/${name}`, { body: { reason: 'test' } });
    return status === 200 ? `${json.phase} ${json.weight}` : `${status} ${json.code}`;
  };
  assert.equal(await command('resume'), '409 wrong_state');
  assert.equal(await command('advance'), 'ramping 50');
  assert.equal(await command('pause'), 'paused 50');
  assert.equal(await command('advance'), '409 wrong_state');
  assert.equal(await command('resume'), 'ramping 50');
  assert.equal(await command('promote'), 'soaking 99');
  assert.equal(await command('complete'), 'completed 100');
  assert.equal(await command('revert'), 'reverted 0');
  const ended = rig.posted.filter(({ type }) => type === 'rollout-ended');
  assert.deepEqual(ended, [
    { type: 'rollout-ended', phase: 'completed' },
    { type: 'rollout-ended', phase: 'reverted' },
  ]);
});

test('a revert of what is on X already changes nothing and is no error', async (t) => {
  const rig = await startControl(t);
  const revert = () => rig.call('POST', '/v1/rollout/revert', { body: { reason: 'again' } });
  const { status, json } = await revert();
  assert.deepEqual([status, json.phase, json.weight, json.changed], [200, 'idle', 0, false]);
  await rig.call('PUT', '/v1/split', { body: { y: 10 } });
  assert.deepEqual((await revert()).json.changed, true);
  assert.deepEqual((await revert()).json.changed, false);
  assert.equal(weightPpm(rig), 0);
});

test('rollout commands need no body', async (t) => {
  const rig = await rampingRig(t);
  assert.equal((await rig.call('POST', '/v1/rollout/revert')).json.phase, 'reverted');
});

test('a second rollout is refused while one runs', async (t) => {
  const rig = await rampingRig(t);
  const { status, json } = await rig.call('POST', '/v1/rollout');
  assert.deepEqual([status, json.code, json.current.phase], [409, 'wrong_state', 'ramping']);
});

const badPlans: readonly [plan: unknown, pointer: string][] = [
  [{ steps: [10, 5, 100] }, '#/steps'],
  [{ steps: [10, 50] }, '#/steps'],
  [{ steps: [] }, '#/steps'],
  [{ bake: '1 minute' }, '#/bake'],
  [{ holdback: '80%' }, '#/holdback'],
  [{ onInconclusive: 'promote' }, '#/onInconclusive'],
  [{ speed: 'fast' }, '#/speed'],
];
for (const [plan, pointer] of badPlans) {
  test(`plan ${JSON.stringify(plan)} is refused with a pointer to the mistake`, async (t) => {
    const rig = await startControl(t);
    const { status, json } = await rig.call('POST', '/v1/rollout', { body: plan });
    assert.deepEqual([status, json.errors[0].pointer], [400, pointer]);
    assert.equal((await rig.call('GET', '/v1/rollout')).json.phase, 'idle');
  });
}

test('rollout does not start when a cluster has no healthy node', async (t) => {
  const rig = await startControl(t, { nodes: { x: [await backend(t)], y: [await backend(t, () => 500)] } });
  assert.equal((await rig.call('POST', '/v1/rollout')).json.phase, 'preflight');
  await rig.untilEvent('rollout-preflight-failed');
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.match(events.at(-1).text, /0 of 1 nodes of y answer/);
  const { phase, failedStart } = (await rig.call('GET', '/v1/rollout')).json;
  assert.equal(phase, 'idle');
  assert.match(failedStart.text, /0 of 1 nodes of y answer/);
  assert.equal(weightPpm(rig), 0);
});

test('rollout starts by itself when the config says so, and not again after a revert', async (t) => {
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const database = join(tempFolder(t), 'crossover.db');
  const first = await startControl(t, { nodes, database, yaml: 'rollout: { autostart: true }' });
  await first.untilEvent('rollout-step');
  await first.call('POST', '/v1/rollout/revert');
  await first.stop();
  const second = await startControl(t, { nodes, database, yaml: 'rollout: { autostart: true }' });
  assert.equal((await second.call('GET', '/v1/rollout')).json.phase, 'reverted');
});

test('a dead store blocks starts and advances and no revert', async (t) => {
  const rig = await rampingRig(t);
  const letGo = lockStore(t, rig.database);
  const advance = await rig.call('POST', '/v1/rollout/advance');
  assert.deepEqual([advance.status, advance.json.code], [503, 'store_unavailable']);
  assert.equal(weightPpm(rig), 50_000);
  const ready = await rig.call('GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.equal(ready.json.checks.find((check: { name: string }) => check.name === 'store').passed, false);
  const revert = await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'get me out' } });
  assert.deepEqual([revert.status, revert.json.phase, weightPpm(rig)], [200, 'reverted', 0]);
  const start = await rig.call('POST', '/v1/rollout');
  assert.deepEqual([start.status, start.json.code], [503, 'store_unavailable']);
  const raise = await rig.call('PUT', '/v1/split', { body: { y: 5 } });
  assert.deepEqual([raise.status, raise.json.code, weightPpm(rig)], [503, 'store_unavailable', 0]);
  letGo();
  await rig.untilEvent('store-recovered');
  assert.equal((await rig.call('GET', '/readyz')).status, 200);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.deepEqual(
    events.slice(-7).map(({ name }: { name: string }) => name),
    [
      'store-unavailable',
      'command-refused',
      'rollout-reverted',
      'evidence-frozen',
      'command-refused',
      'command-refused',
      'store-recovered',
    ],
  );
});

test('a store that cannot be opened leaves X alone, not ready, and a working API', async (t) => {
  const file = join(tempFolder(t), 'file');
  writeFileSync(file, '');
  const rig = await startControl(t, { database: join(file, 'crossover.db') });
  assert.equal((await rig.call('GET', '/livez')).status, 200);
  assert.equal((await rig.call('GET', '/readyz')).status, 503);
  assert.equal((await rig.call('GET', '/v1/split')).json.y, 0);
  assert.equal((await rig.call('GET', '/v1/status')).json.store.writable, false);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.ok(events.some(({ name }: { name: string }) => name === 'store-unavailable'));
});

test('the record names the actor given by the client with its address', async (t) => {
  const rig = await rampingRig(t);
  await rig.call('POST', '/v1/rollout/pause', { headers: { 'x-crossover-actor': 'Ada' } });
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.match(events.at(-1).actor, /^token \(for Ada, .*127\.0\.0\.1\)$/);
  const bad = await rig.call('POST', '/v1/rollout/resume', {
    headers: { 'x-crossover-actor': 'x'.repeat(65) },
  });
  assert.equal(bad.status, 400);
});
