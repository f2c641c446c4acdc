// The whole control thread while its store is stuck inside SQLite: a real lock, waited for by the store's
// thread.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { backend, type ControlRig, startControl } from './support/control-rig.ts';
import { lockStore } from './support/store-lock.ts';

const hourMs = 3_600_000;

async function rampingRig(t: TestContext): Promise<ControlRig> {
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const rig = await startControl(t, { nodes, busyTimeoutMs: hourMs });
  assert.equal((await rig.call('POST', '/v1/rollout', { body: { steps: [10, 50, 100] } })).status, 201);
  await rig.untilEvent('rollout-step');
  return rig;
}

const weightPpm = (rig: ControlRig): number => new SplitCell(rig.memory.split).read().weightPpm;

/** What /readyz says of the store; the worker of this rig never beats. */
async function storePasses(rig: ControlRig): Promise<boolean> {
  const { checks } = (await rig.call('GET', '/readyz')).json;
  return checks.find(({ name }: { name: string }) => name === 'store').passed;
}

test('a hanging disk blocks advances and reads, and neither reverts nor anything else', async (t) => {
  const rig = await rampingRig(t);
  assert.equal(weightPpm(rig), 100_000);
  // The store's thread waits for the lock from its next write on.
  const letGo = lockStore(t, rig.database);
  const advance = await rig.call('POST', '/v1/rollout/advance', { body: {} });
  assert.deepEqual([advance.status, advance.json.code, weightPpm(rig)], [503, 'store_unavailable', 100_000]);
  assert.match(advance.json.detail, /does not answer; look at its disk/);
  await rig.untilEvent('store-unavailable');
  for (const path of [
    '/v1/history',
    '/v1/rollouts',
    '/v1/record/verify',
    '/v1/rollouts/last',
    '/v1/evidence',
  ])
    assert.equal((await rig.call('GET', path)).json.code, 'store_unavailable', path);
  assert.equal(await storePasses(rig), false);
  const metrics = await rig.call('GET', '/metrics');
  assert.match(metrics.text, /^crossover_store_writable 0$/m);
  const status = (await rig.call('GET', '/v1/status')).json;
  assert.deepEqual([status.phase, status.store.problem.kind], ['ramping', 'hanging']);
  const revert = await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'to be safe' } });
  assert.deepEqual([revert.status, weightPpm(rig)], [200, 0]);
  assert.equal((await rig.call('PUT', '/v1/freeze', { body: { frozen: true } })).status, 200);
  letGo();
  await rig.untilEvent('store-recovered');
  const { events } = (await rig.call('GET', '/v1/events?limit=1000')).json;
  const names = events.map(({ name }: { name: string }) => name);
  for (const name of [
    'store-unavailable',
    'rollout-reverted',
    'frozen',
    'rollout-recovered',
    'store-recovered',
  ])
    assert.ok(names.includes(name), name);
  assert.equal((await rig.call('GET', '/v1/record/verify')).json.intact, true);
  const { state } = (await rig.call('GET', '/v1/rollouts/last')).json;
  assert.deepEqual([state.phase, state.weightPpm], ['reverted', 0]);
  assert.equal(await storePasses(rig), true);
});

test('a control thread whose disk hangs at its start serves X alone, and goes on when it answers', async (t) => {
  const first = await rampingRig(t);
  await first.stop();
  const letGo = lockStore(t, first.database, 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const second = await startControl(t, { database: first.database, busyTimeoutMs: hourMs });
  assert.equal(weightPpm(second), 0);
  assert.equal((await second.call('GET', '/v1/status')).json.store.problem.kind, 'hanging');
  letGo();
  await second.untilEvent('store-recovered');
  assert.deepEqual(
    [(await second.call('GET', '/v1/rollout')).json.phase, weightPpm(second)],
    ['ramping', 100_000],
  );
});
