import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { X } from '#src/shared-memory/layout.ts';
import { until } from '../../support/until.ts';
import { backend, type ControlRig, startControl } from '../support/control-rig.ts';
import { countAnswers } from '../support/counters.ts';

async function ramping(t: TestContext): Promise<ControlRig> {
  const rig = await startControl(t, {
    nodes: { x: [await backend(t)], y: [await backend(t)] },
    yaml: 'thresholds: { harm: 0.2% }',
  });
  await rig.call('POST', '/v1/rollout', { body: { steps: [5, 100], reason: 'upgrade' } });
  await rig.untilEvent('rollout-step');
  return rig;
}

const names = (events: { name: string }[]): string[] => events.map(({ name }) => name);

// biome-ignore lint/suspicious/noExplicitAny: events have details of every shape
const eventsOf = async (rig: ControlRig): Promise<any[]> => (await rig.call('GET', '/v1/events')).json.events;

test('refused commands are on record with who, what and why, and not again when repeated', async (t) => {
  const rig = await startControl(t);
  const headers = { 'x-crossover-actor': 'ada' };
  for (let i = 0; i < 3; i++) {
    await rig.call('POST', '/v1/rollout/pause', { headers, body: { reason: 'lunch' } });
  }
  await rig.call('PUT', '/v1/split', { headers: { ...headers, 'if-match': '"9-9"' }, body: { y: 1 } });
  const refused = (await eventsOf(rig)).filter(({ name }) => name === 'command-refused');
  assert.deepEqual(
    refused.map(({ detail }) => detail),
    [
      { command: 'POST /v1/rollout/pause', code: 'wrong_state', reason: 'lunch' },
      { command: 'PUT /v1/split', code: 'stale_revision', reason: '' },
    ],
  );
  assert.match(refused[0].actor, /^token \(for ada, /);
  assert.equal(
    refused[0].text,
    'POST /v1/rollout/pause was refused: cannot pause: the rollout is idle; only one that is ramping or soaking can be paused.',
  );
});

test('what is malformed or only read leaves no trace on record', async (t) => {
  const rig = await startControl(t);
  await rig.call('PUT', '/v1/split', { body: { y: 500 } });
  await rig.call('POST', '/v1/rollout/pause', { body: '{' });
  await rig.call('GET', '/v1/evidence/none');
  await rig.call('DELETE', '/v1/split');
  assert.deepEqual(names(await eventsOf(rig)), ['started']);
});

test('transitions are on record with what the tests said when an operator makes them, and with nothing of the rollout before', async (t) => {
  const rig = await ramping(t);
  // Counted at the rollout's split: once it is compared, the tests speak of this rollout.
  const { revision: epoch } = (await rig.call('GET', '/v1/split')).json;
  countAnswers(rig.memory, { arm: X, epoch }, { status: 200, count: 1 });
  const compared = async () => (await rig.call('GET', '/v1/status')).json.verdict?.streams[0].x.requests;
  await until(async () => (await compared()) === 1, 'the answer to be compared');
  await rig.call('POST', '/v1/rollout/pause');
  const paused = (await eventsOf(rig)).find(({ name }) => name === 'rollout-paused');
  assert.equal(paused.detail.testsSaid.decision, 'hold');
  assert.equal(paused.detail.rollout, (await rig.call('GET', '/v1/rollout')).json.id);
  await rig.call('POST', '/v1/rollout/revert');
  await rig.call('POST', '/v1/rollout', { body: {} });
  await rig.untilEvent('rollout-step', 2);
  const moves = (await eventsOf(rig)).filter(({ name }) => name.startsWith('rollout-'));
  assert.deepEqual(
    moves.map(({ name, detail }) => [name, detail.testsSaid === null]),
    [
      ['rollout-started', true],
      ['rollout-step', true],
      ['rollout-paused', false],
      ['rollout-reverted', false],
      ['rollout-started', true],
      ['rollout-step', true],
    ],
  );
});

test('a rollout is given whole: plan, state, events in order, config, course, evidence', async (t) => {
  const rig = await ramping(t);
  await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'tickets' } });
  await rig.untilEvent('evidence-frozen');
  await rig.call('PUT', '/v1/split', { body: { y: 3 } });
  const { json } = await rig.call('GET', '/v1/rollouts/last');
  assert.deepEqual([json.state.phase, json.plan.stepsPpm], ['reverted', [50_000, 1_000_000]]);
  assert.deepEqual(names(json.events), [
    'rollout-started',
    'rollout-step',
    'rollout-reverted',
    'evidence-frozen',
  ]);
  assert.deepEqual([json.config.thresholds.harm, json.config.clusters.y.label], [0.002, 'new']);
  assert.equal(json.evidence.cause.text, 'tickets');
  assert.match(json.recordEnd, /^[0-9a-f]{64}$/);
  const { rollouts } = (await rig.call('GET', '/v1/rollouts')).json;
  assert.deepEqual([rollouts.length, rollouts[0].id, rollouts[0].reason], [1, json.plan.id, 'upgrade']);
  assert.equal((await rig.call('GET', `/v1/rollouts/${json.plan.id}`)).json.plan.id, json.plan.id);
});

test('a rollout that is not on record is not found, and neither is the last one before the first', async (t) => {
  const rig = await startControl(t);
  for (const id of ['last', 'abc', '%22']) {
    const { status, json } = await rig.call('GET', `/v1/rollouts/${id}`);
    assert.deepEqual([status, json.code], [404, 'not_found']);
  }
});

test('record check answers over the API what was changed behind the back of a running store', async (t) => {
  const rig = await ramping(t);
  const before = (await rig.call('GET', '/v1/record/verify')).json;
  assert.equal(before.intact, true);
  const db = new DatabaseSync(rig.database);
  db.exec(
    "DROP TRIGGER events_no_update; UPDATE events SET record = replace(record, 'upgrade', 'UPGRADE') WHERE id = 2",
  );
  db.close();
  const after = (await rig.call('GET', '/v1/record/verify')).json;
  assert.deepEqual([after.intact, after.broken], [false, { chain: 'events', id: 2 }]);
});
