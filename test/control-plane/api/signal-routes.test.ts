// The control API of what stands outside the traffic, on the whole control thread with its store.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { until } from '../../support/until.ts';
import { backend, type ControlRig, type RigOptions, startControl } from '../support/control-rig.ts';
import { httpPeer } from '../support/http-peer.ts';
import { lockStore } from '../support/store-lock.ts';
import { quickFolder } from '../support/temp-folder.ts';

const withNodes = async (t: TestContext, options: RigOptions = {}): Promise<ControlRig> =>
  startControl(t, { nodes: { x: [await backend(t)], y: [await backend(t)] }, ...options });

const statusOf = async (rig: ControlRig) => (await rig.call('GET', '/v1/status')).json;

/** Asks for the status until the hold reads like this: the loop takes it up at its next tick. */
async function untilHold(rig: ControlRig, pattern: RegExp): Promise<void> {
  let last: unknown = null;
  const isHeld = async (): Promise<boolean> => {
    const { hold } = await statusOf(rig);
    last = hold;
    return hold !== null && pattern.test(`${hold.name}: ${hold.text}`);
  };
  await until(isHeld, `the hold ${pattern}`, () => last);
}

const weightPpm = (rig: ControlRig): number => new SplitCell(rig.memory.split).read().weightPpm;
const approval = 'gates: [{ name: lead, at: before-start, approval: manual }]';

test('a start waits for an approval, and goes on with one of its revision', async (t) => {
  const rig = await withNodes(t, { yaml: approval });
  const early = await rig.call('POST', '/v1/rollout/approve', { body: { revision: 'x' } });
  assert.deepEqual([early.status, early.json.code], [409, 'wrong_state']);
  await rig.call('POST', '/v1/rollout');
  await untilHold(rig, /^gate: gate lead waits for an approval/);
  const { signals, phase } = await statusOf(rig);
  assert.equal(phase, 'preflight');
  assert.deepEqual(signals.approval.waiting, ['lead']);
  const { revision } = signals.approval;
  const post = (body: unknown) => rig.call('POST', '/v1/rollout/approve', { body });
  const stale = await post({ revision: `${revision}0` });
  assert.deepEqual([stale.status, stale.json.code], [412, 'stale_revision']);
  assert.equal(stale.json.current.revision, revision);
  // Two people at once: one approval counts.
  const both = await Promise.all([post({ revision, reason: 'looks good' }), post({ revision })]);
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 409]);
  await rig.untilEvent('rollout-step');
  const late = await post({ revision });
  assert.ok(late.status === 409 || late.status === 412);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const approved = events.filter(({ name }: { name: string }) => name === 'gate-approved');
  assert.equal(approved.length, 1);
  assert.match(approved[0].actor, /^token \(/);
});

test('a start that waits for a gate is reverted by hand', async (t) => {
  const peer = await httpPeer(t, null);
  const yaml = `gates: [{ name: cab, at: before-start, webhook: "${peer.url}" }]`;
  const rig = await withNodes(t, { yaml });
  await rig.call('POST', '/v1/rollout');
  await peer.untilReceived(1);
  await untilHold(rig, /^gate: gate cab is being asked$/);
  const revert = await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'enough' } });
  assert.deepEqual([revert.status, revert.json.phase], [200, 'reverted']);
});

test('a start that waits goes on waiting after a restart', async (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const first = await startControl(t, { nodes, database, yaml: approval });
  await first.call('POST', '/v1/rollout');
  await untilHold(first, /^gate: /);
  const { revision } = (await statusOf(first)).signals.approval;
  await first.stop();
  const second = await startControl(t, { nodes, database, yaml: approval });
  await untilHold(second, /^gate: /);
  assert.equal((await statusOf(second)).signals.approval.revision, revision);
  await second.call('POST', '/v1/rollout/approve', { body: { revision } });
  await second.untilEvent('rollout-step');
});

test('a gate is asked, and its answer moves the rollout', async (t) => {
  const peer = await httpPeer(t, { status: 409, body: { reason: 'not before noon' } });
  const yaml = `gates: [{ name: cab, at: before-start, webhook: "${peer.url}", interval: 250ms }]`;
  const rig = await withNodes(t, { yaml, publicUrl: 'https://crossover.example.com' });
  await rig.call('POST', '/v1/rollout');
  await untilHold(rig, /^gate: gate cab holds: not before noon$/);
  const [asked] = peer.received;
  const body = JSON.parse(asked?.body ?? '');
  assert.deepEqual(
    [body.point, body.url, body.nextWeight],
    ['before-start', 'https://crossover.example.com', 1],
  );
  peer.answer = { status: 200 };
  await rig.untilEvent('rollout-step');
  assert.equal(weightPpm(rig), 10_000);
});

test('a query that does not parse is told before a start', async (t) => {
  const peer = await httpPeer(t, {
    status: 400,
    body: { status: 'error', errorType: 'bad_data', error: '1:4: parse error: unclosed left parenthesis' },
  });
  const yaml = `metrics: [{ name: orders, prometheus: "${peer.url}", promql: "sum(", max: 1 }]`;
  const rig = await withNodes(t, { yaml });
  await rig.call('POST', '/v1/rollout');
  await rig.untilEvent('rollout-preflight-failed');
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.match(
    events.at(-1).text,
    /Metric orders: Prometheus does not understand the query: 1:4: parse error: unclosed left parenthesis/,
  );
  assert.equal(weightPpm(rig), 0);
});

test('a freeze holds a start over a restart, until it is lifted', async (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const first = await startControl(t, { nodes, database });
  const frozen = await first.call('PUT', '/v1/freeze', {
    body: { frozen: true, reason: 'release week', until: '2999-01-01T00:00:00+01:00', actor: 'Ada' },
  });
  assert.equal(frozen.status, 200);
  assert.deepEqual(
    [frozen.json.frozen, frozen.json.reason, frozen.json.until],
    [true, 'release week', '2998-12-31T23:00:00.000Z'],
  );
  assert.match(frozen.json.actor, /^token \(for Ada, .*127\.0\.0\.1\)$/);
  await first.stop();
  const second = await startControl(t, { nodes, database });
  assert.deepEqual((await second.call('GET', '/v1/freeze')).json, frozen.json);
  await second.call('POST', '/v1/rollout');
  await untilHold(
    second,
    /^freeze: frozen by token \(for Ada, .* until 2998-12-31T23:00:00\.000Z: release week$/,
  );
  assert.equal(weightPpm(second), 0);
  await second.call('PUT', '/v1/freeze', { body: { frozen: false } });
  await second.untilEvent('rollout-step');
});

test('a notification that nobody took is sent by the next process', async (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const peer = await httpPeer(t, null);
  const yaml = `notifications: [{ name: audit, webhook: "${peer.url}", on: [started] }]`;
  const first = await startControl(t, { nodes, database, yaml });
  await first.call('POST', '/v1/rollout', { body: { reason: 'upgrade' } });
  const [attempt] = await peer.untilReceived(1);
  await first.stop();
  await startControl(t, { nodes, database, yaml });
  const [, again] = await peer.untilReceived(2);
  const { recordEnd: before, ...told } = JSON.parse(attempt?.body ?? '');
  const { recordEnd: after, ...toldAgain } = JSON.parse(again?.body ?? '');
  assert.deepEqual(toldAgain, told);
  assert.notEqual(after, before, 'the record has gone on');
});

test('a freeze refuses what gives Y more by hand, unless overridden on record, and nothing else', async (t) => {
  const rig = await withNodes(t);
  await rig.call('POST', '/v1/rollout', { body: { steps: [5, 50, 100] } });
  await rig.untilEvent('rollout-step');
  await rig.call('PUT', '/v1/freeze', { body: { frozen: true, reason: 'incident' } });
  const advance = await rig.call('POST', '/v1/rollout/advance');
  assert.deepEqual([advance.status, advance.json.code], [409, 'wrong_state']);
  assert.match(advance.json.detail, /^not now: frozen by .*: incident; a revert is possible/);
  assert.equal((await rig.call('POST', '/v1/rollout/promote')).status, 409);
  const pause = await rig.call('POST', '/v1/rollout/pause');
  assert.equal(pause.status, 200);
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 6 } })).status, 409);
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 4 } })).status, 200);
  assert.equal((await rig.call('POST', '/v1/rollout/resume')).status, 409, 'it would go back to 5 %');
  const raised = await rig.call('PUT', '/v1/split', { body: { y: 6, reason: 'hotfix', override: true } });
  assert.deepEqual([raised.status, raised.json.y], [200, 6]);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  assert.match(events.at(-1).text, /hotfix; overrides: frozen by .*: incident/);
  assert.equal((await rig.call('POST', '/v1/rollout/revert')).json.phase, 'reverted');
});

test('a freeze works while the store does not', async (t) => {
  const rig = await withNodes(t);
  const letGo = lockStore(t, rig.database);
  assert.equal((await rig.call('PUT', '/v1/freeze', { body: { frozen: true } })).json.frozen, true);
  await rig.untilEvent('store-unavailable');
  letGo();
  await rig.untilEvent('store-recovered');
  assert.equal((await rig.call('GET', '/v1/freeze')).json.frozen, true);
});

const badFreezes: [body: unknown, pointer: string][] = [
  [{}, '#/frozen'],
  [{ frozen: 'yes' }, '#/frozen'],
  [{ frozen: true, until: 'tomorrow' }, '#/until'],
  [{ frozen: true, until: '2999-01-01T00:00:00' }, '#/until'],
  [{ frozen: true, until: '2001-01-01T00:00:00Z' }, '#/until'],
  [{ frozen: false, until: '2999-01-01T00:00:00Z' }, '#/until'],
  [{ frozen: true, actor: '' }, '#/actor'],
];
for (const [body, pointer] of badFreezes) {
  test(`freeze ${JSON.stringify(body)} is refused with a pointer to the mistake`, async (t) => {
    const rig = await startControl(t);
    const { status, json } = await rig.call('PUT', '/v1/freeze', { body });
    assert.deepEqual([status, json.errors[0].pointer], [400, pointer]);
  });
}

test('nothing starts outside the change windows, and the status says when the next one opens', async (t) => {
  // Never open now: a window of one minute, two days from today.
  const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 2) % 7];
  const yaml = `windows: { allow: [{ days: [${day}], from: "12:00", to: "12:01" }] }`;
  const rig = await withNodes(t, { yaml });
  await rig.call('POST', '/v1/rollout');
  await untilHold(rig, /^window: outside the change windows; the next opens .* 12:00 UTC$/);
  const { window } = (await statusOf(rig)).signals;
  assert.equal(window.open, false);
  assert.ok(window.nextOpenMs > Date.now());
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 5 } })).status, 409);
});

const metrics = `metrics:
  - { name: orders, pushed: values, min: 10 }
  - { name: payments, pushed: trials, overX: 1% }`;

test('samples are taken, and those that make no sense are refused', async (t) => {
  const rig = await startControl(t, { yaml: metrics, token: 't0ken' });
  const push = async (name: string, body: unknown) => {
    const { status, json } = await rig.call('POST', `/v1/metrics/${name}`, { body });
    return status === 204 ? 204 : `${status} ${json.errors?.[0]?.pointer ?? json.code}`;
  };
  assert.equal(await push('orders', { cluster: 'y', value: 12.5 }), 204);
  assert.equal(await push('payments', { cluster: 'x', successes: 97, trials: 100 }), 204);
  assert.equal(await push('payments', { cluster: 'x', successes: 101, trials: 100 }), '400 #/successes');
  assert.equal(await push('payments', { cluster: 'x', successes: -1, trials: 100 }), '400 #/successes');
  assert.equal(await push('payments', { cluster: 'x', successes: 1.5, trials: 100 }), '400 #/successes');
  assert.equal(await push('payments', { cluster: 'x', trials: 100 }), '400 #');
  assert.equal(await push('payments', { cluster: 'x', value: 1 }), '400 #');
  assert.equal(await push('orders', { cluster: 'z', value: 1 }), '400 #/cluster');
  assert.equal(await push('orders', { cluster: 'y', value: '1' }), '400 #/value');
  assert.equal(await push('refunds', { cluster: 'y', value: 1 }), '404 not_found');
  const headers = { authorization: 'Bearer wrong' };
  const denied = await rig.call('POST', '/v1/metrics/orders', { body: { cluster: 'y', value: 1 }, headers });
  assert.equal(denied.status, 401);
  const { signals } = await statusOf(rig);
  assert.equal(signals.metrics[0].y, 12.5);
});

test('counted samples appear in the verdict with their share of the budget', async (t) => {
  const rig = await startControl(t, { yaml: metrics });
  await rig.call('POST', '/v1/metrics/payments', { body: { cluster: 'x', successes: 95, trials: 100 } });
  await rig.call('POST', '/v1/metrics/payments', { body: { cluster: 'y', successes: 9, trials: 10 } });
  const compared = async () => {
    const { verdict } = (await rig.call('GET', '/v1/analysis')).json;
    const stream = verdict?.streams.find((one: { stream: string }) => one.stream === 'business.payments');
    return { verdict, stream };
  };
  await until(async () => ((await compared()).stream?.y.requests ?? 0) > 0, 'the samples to be compared');
  const { verdict, stream } = await compared();
  assert.deepEqual(
    [stream.x, stream.y],
    [
      { requests: 100, failures: 5, rate: 0.05 },
      { requests: 10, failures: 1, rate: 0.1 },
    ],
  );
  const weights = verdict.streams.reduce((sum: number, { weight }: { weight: number }) => sum + weight, 0);
  assert.ok(weights <= 1 + 1e-9, String(weights));
});

test('notifications tell of a rollout with the address of the control API', async (t) => {
  const peer = await httpPeer(t);
  const yaml = `notifications: [{ name: audit, webhook: "${peer.url}", on: [started, reverted] }]`;
  const rig = await withNodes(t, { yaml, publicUrl: 'https://crossover.example.com' });
  await rig.call('POST', '/v1/rollout', { body: { reason: 'upgrade' } });
  await rig.untilEvent('rollout-step');
  await rig.call('POST', '/v1/rollout/revert');
  const told = (await peer.untilReceived(2)).map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    told.map(({ event, url }) => [event, url]),
    [
      ['rollout-started', 'https://crossover.example.com'],
      ['rollout-reverted', 'https://crossover.example.com'],
    ],
  );
});
