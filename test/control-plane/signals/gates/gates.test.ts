import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { httpPeer } from '../../support/http-peer.ts';
import { goodVerdict, Settings, SignalRig } from '../../support/signal-rig.ts';

const gate = (name: string, at: string, url: string, more = ''): string =>
  `  - { name: ${name}, at: ${at}, webhook: "${url}/${name}"${more} }\n`;

test('a gate that answers 2xx lets the rollout pass at each point in turn', async (t) => {
  const peer = await httpPeer(t);
  const points = '[before-start, before-step, before-full, before-complete]';
  const rig = new SignalRig(t, { yaml: `gates:\n${gate('cab', points, peer.url)}` });
  rig.start();
  assert.equal(rig.hold, 'gate: gate cab is being asked');
  await rig.until(() => rig.state.phase === 'completed');
  const asked = peer.received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    asked.map(({ point, phase, weight, nextWeight, step }) => [
      point,
      phase,
      weight,
      nextWeight,
      step?.index ?? null,
    ]),
    [
      ['before-start', 'preflight', 0, 1, null],
      ['before-step', 'ramping', 1, 10, 0],
      ['before-full', 'ramping', 10, 99, 1],
      ['before-complete', 'soaking', 99, 100, 2],
    ],
  );
  assert.equal(new Set(asked.map(({ revision }) => revision)).size, 4, 'each step has its own revision');
  assert.deepEqual(
    [asked[1].gate, asked[1].rolloutId, asked[1].verdict.decision, asked[1].clusters, asked[1].url],
    ['cab', 'rollout-1', 'advance', { x: 'old "x"', y: 'new' }, null],
  );
});

test('a gate is asked in its interval while it holds, and says why', async (t) => {
  const peer = await httpPeer(t, { status: 409, body: { reason: 'change 4711 is not approved' } });
  const rig = new SignalRig(t, {
    yaml: `gates:\n${gate('cab', 'before-start', peer.url, ', interval: 10s')}`,
  });
  rig.start();
  await rig.until(() => rig.hold === 'gate: gate cab holds: change 4711 is not approved');
  rig.clock.pass(9_999);
  rig.tick();
  assert.equal(peer.received.length, 1, 'not before its interval is over');
  rig.clock.pass(1);
  peer.answer = { status: 204 };
  await rig.until(() => rig.state.phase === 'ramping');
  assert.equal(peer.received.length, 2);
  assert.deepEqual(
    rig.recorded.filter(({ name }) => name.startsWith('gate')).map(({ text }) => text),
    ['Gate cab holds at before-start: change 4711 is not approved.', 'Gate cab is open at before-start.'],
  );
});

test('the same answer again is no new event', async (t) => {
  const peer = await httpPeer(t, { status: 403 });
  const rig = new SignalRig(t, {
    yaml: `gates:\n${gate('cab', 'before-start', peer.url, ', interval: 1s')}`,
  });
  rig.start();
  for (let round = 1; round <= 3; round++) {
    await rig.until(() => peer.received.length === round);
    await rig.until(() => rig.signals.gates.counts()[0]?.count === round);
    rig.clock.pass(1_000);
  }
  assert.equal(rig.events.filter((name) => name === 'gate-held').length, 1);
  assert.equal(rig.hold, 'gate: gate cab holds: it answered 403');
});

const answers: [name: string, answer: { status: number; body?: string }, hold: RegExp][] = [
  ['a redirect', { status: 302 }, /it answered 302, and redirects are not followed$/],
  ['an error', { status: 500, body: 'secret stack trace' }, /it answered 500$/],
  ['409 in plain text', { status: 409, body: 'not\nnow \u001b[31m' }, /holds: not now \[31m$/],
  ['409 with nothing', { status: 409 }, /it answered 409$/],
];
for (const [name, answer, hold] of answers) {
  test(`a gate holds in plain words when it answers with ${name}`, async (t) => {
    const peer = await httpPeer(t, answer);
    const rig = new SignalRig(t, {
      yaml: `gates:\n${gate('cab', 'before-start', peer.url, ', retries: 0')}`,
    });
    rig.start();
    await rig.until(() => rig.hold?.startsWith('gate: gate cab holds') === true);
    assert.match(rig.hold ?? '', hold);
  });
}

test('a gate is asked again at once when it answers 5xx, as often as retries allow', async (t) => {
  const peer = await httpPeer(t, { status: 503 });
  const rig = new SignalRig(t, { yaml: `gates:\n${gate('cab', 'before-start', peer.url, ', retries: 2')}` });
  rig.start();
  await rig.until(() => peer.received.length === 2);
  peer.answer = { status: 200 };
  await rig.until(() => rig.state.phase === 'ramping');
  assert.equal(peer.received.length, 3);
});

/** Accepts connections and says nothing, ever. */
async function silentPort(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const waits: [point: string, steps: number[], phase: string][] = [
  ['before-start', [1, 10, 100], 'preflight'],
  ['before-step', [1, 10, 100], 'ramping'],
  ['before-full', [1, 100], 'ramping'],
  ['before-complete', [100], 'soaking'],
];
for (const [point, steps, phase] of waits) {
  test(`a rollout is reverted at once when a gate at ${point} never answers`, async (t) => {
    const url = `http://127.0.0.1:${await silentPort(t)}`;
    const rig = new SignalRig(t, { yaml: `gates:\n${gate('cab', point, url)}`, steps });
    rig.start();
    await rig.until(() => rig.hold === 'gate: gate cab is being asked');
    rig.tick();
    assert.equal(rig.state.phase, phase);
    assert.deepEqual(
      rig.signals.view().gates.map(({ name, state }) => [name, state]),
      [['cab', 'asking']],
    );
    // However long it takes, no time-out moves the rollout either way.
    rig.clock.pass(3_600_000);
    rig.tick();
    assert.equal(rig.state.phase, phase);
    rig.command('revert');
    assert.deepEqual([rig.state.phase, rig.state.weightPpm], ['reverted', 0]);
  });
}

test('a gate that never answers holds visibly when its time is over', async (t) => {
  const port = await silentPort(t);
  const rig = new SignalRig(t, {
    yaml: `gates:\n${gate('cab', 'before-start', `http://127.0.0.1:${port}`, ', timeout: 50ms, retries: 0')}`,
  });
  rig.start();
  await rig.until(() => rig.hold === `gate: gate cab holds: 127.0.0.1:${port} did not answer in 0.05 s`);
});

test('an answer counts for the step it was asked for, not for the same step entered again', async (t) => {
  const peer = await httpPeer(t);
  const rig = new SignalRig(t, { yaml: `gates:\n${gate('cab', 'before-step', peer.url)}` });
  rig.start();
  rig.tick();
  assert.equal(rig.hold, 'gate: gate cab is being asked');
  rig.signals.tick();
  await peer.untilReceived(1);
  rig.command('pause');
  rig.clock.pass(5_000);
  rig.command('resume');
  rig.tick();
  assert.equal(rig.hold, 'gate: gate cab is being asked', 'the go was for the step before the pause');
  await rig.until(() => rig.state.weightPpm === 100_000);
  assert.equal(peer.received.length, 2);
});

test('all gates of a point must be open at once', async (t) => {
  const open = await httpPeer(t);
  const closed = await httpPeer(t, { status: 409, body: 'wait' });
  const yaml = `gates:\n${gate('a', 'before-start', open.url)}${gate('b', 'before-start', closed.url, ', interval: 1s')}`;
  const rig = new SignalRig(t, { yaml });
  rig.start();
  await rig.until(() => rig.hold === 'gate: gate b holds: wait');
  closed.answer = { status: 200 };
  rig.clock.pass(1_000);
  await rig.until(() => rig.state.phase === 'ramping');
});

test('a gate signs what it sends with its secret and the time', async (t) => {
  const peer = await httpPeer(t);
  const rig = new SignalRig(t, {
    yaml: `gates:\n${gate('cab', 'before-start', peer.url, ', secret: s3cret')}`,
  });
  rig.start();
  await rig.until(() => rig.state.phase === 'ramping');
  const [asked] = peer.received;
  const timestamp = String(asked?.headers['x-crossover-timestamp']);
  assert.equal(timestamp, String(rig.clock.wallMs / 1000));
  const expected = createHmac('sha256', 's3cret').update(`${timestamp}.${asked?.body}`).digest('hex');
  assert.equal(asked?.headers['x-crossover-signature'], `sha256=${expected}`);
});

test('a webhook is sent the verdict only where the next move, or the revert, rests on it', async (t) => {
  const peer = await httpPeer(t);
  const points = '[before-start, before-step, after-revert]';
  const rig = new SignalRig(t, { yaml: `gates:\n${gate('bot', points, peer.url)}` });
  const bodies = () => peer.received.map(({ body }) => JSON.parse(body));
  rig.start();
  await rig.until(() => rig.state.phase === 'ramping' && rig.state.stepIndex === 1);
  rig.command('revert');
  await peer.untilReceived(3);
  rig.clock.pass(1_000);
  rig.start();
  await rig.until(() => rig.state.phase === 'ramping');
  rig.sendVerdict({ ...goodVerdict, decision: 'revert', rule: 'evidence', text: 'Y is worse' });
  const all = await peer.untilReceived(5);
  assert.equal(all.length, 5);
  assert.deepEqual(
    bodies().map(({ point, verdict }) => [point, verdict?.decision ?? null]),
    [
      ['before-start', null],
      ['before-step', 'advance'],
      ['after-revert', null],
      ['before-start', null],
      ['after-revert', 'revert'],
    ],
  );
});

test('a webhook at after-revert is told, and holds nothing when it fails', async (t) => {
  const good = await httpPeer(t);
  const bad = await httpPeer(t, { status: 400 });
  const yaml = `gates:\n${gate('good', 'after-revert', good.url)}${gate('bad', 'after-revert', bad.url)}`;
  const rig = new SignalRig(t, { yaml });
  rig.start();
  rig.command('revert');
  assert.equal(rig.state.phase, 'reverted');
  const [told] = await good.untilReceived(1);
  const body = JSON.parse(told?.body ?? '');
  assert.deepEqual(
    [body.point, body.phase, body.weight, body.reason],
    ['after-revert', 'reverted', 0, 'test'],
  );
  await rig.until(() => rig.events.includes('gate-not-told'));
  assert.deepEqual(
    rig.signals.gates.counts().toSorted((a, b) => a.gate.localeCompare(b.gate)),
    [
      { gate: 'bad', result: 'failed', count: 1 },
      { gate: 'good', result: 'told', count: 1 },
    ],
  );
});

const approvals = 'gates:\n  - { name: lead, at: [before-start, before-full], approval: manual }\n';
const revisionOf = (rig: SignalRig): string => String(rig.signals.view().approval.revision);
const approve = (rig: SignalRig, revision: string, gateName: string | null = null) =>
  rig.signals.gates.approve(rig.state, { revision, gate: gateName, actor: 'ana', reason: 'looks good' });

test('a manual gate passes with one approval of the present revision, and with no other', async (t) => {
  const rig = new SignalRig(t, { yaml: approvals, steps: [1, 100] });
  assert.equal((await approve(rig, 'x')).ok, false);
  rig.start();
  const revision = revisionOf(rig);
  assert.equal(rig.hold, `gate: gate lead waits for an approval of revision ${revision}`);
  const stale = await approve(rig, 'rollout-.0.zzz');
  assert.deepEqual([stale.ok, 'kind' in stale && stale.kind], [false, 'stale']);
  assert.deepEqual(await approve(rig, revision), { ok: true });
  const again = await approve(rig, revision);
  assert.ok(!again.ok && again.kind === 'refused');
  assert.match(again.text, /approved already/);
  rig.tick();
  assert.equal(rig.state.phase, 'ramping');
  rig.tick();
  const late = await approve(rig, revision);
  assert.deepEqual([late.ok, 'kind' in late && late.kind], [false, 'stale'], 'it was for the start');
  const atFull = revisionOf(rig);
  assert.deepEqual(await approve(rig, atFull), { ok: true });
  rig.tick();
  assert.equal(rig.state.phase, 'soaking');
  assert.equal((await approve(rig, revisionOf(rig))).ok, false, 'nothing waits before complete');
});

test('an approval is void when the step is entered again', async (t) => {
  const rig = new SignalRig(t, { yaml: approvals.replace('before-start, ', ''), steps: [1, 100] });
  rig.start();
  const revision = revisionOf(rig);
  rig.command('pause');
  assert.equal((await approve(rig, revision)).ok, false, 'a paused rollout has no next move');
  rig.clock.pass(1_000);
  rig.command('resume');
  assert.equal((await approve(rig, revision)).ok, false);
  assert.deepEqual(await approve(rig, revisionOf(rig)), { ok: true });
});

test('an approval outlives a restart, and is refused when it cannot be kept', async (t) => {
  const settings = new Settings();
  const rig = new SignalRig(t, { yaml: approvals, steps: [1, 100], settings });
  rig.start();
  settings.broken = true;
  const refused = await approve(rig, revisionOf(rig));
  assert.ok(!refused.ok && refused.kind === 'store');
  settings.broken = false;
  assert.deepEqual(await approve(rig, revisionOf(rig)), { ok: true });
  const next = new SignalRig(t, { yaml: approvals, steps: [1, 100], settings, clock: rig.clock });
  next.state = rig.state;
  next.tick();
  assert.equal(next.state.phase, 'ramping');
});

test('one of several manual gates has to be named', async (t) => {
  const yaml = `${approvals}  - { name: dba, at: before-start, approval: manual }\n`;
  const rig = new SignalRig(t, { yaml, steps: [1, 100] });
  rig.start();
  const revision = revisionOf(rig);
  const ambiguous = await approve(rig, revision);
  assert.ok(!ambiguous.ok && ambiguous.kind === 'ambiguous');
  assert.match(ambiguous.text, /lead, dba/);
  assert.equal((await approve(rig, revision, 'cab')).ok, false);
  assert.deepEqual(await approve(rig, revision, 'dba'), { ok: true });
  assert.deepEqual(rig.signals.view().approval.waiting, ['lead']);
  assert.deepEqual(await approve(rig, revision), { ok: true });
  rig.tick();
  assert.equal(rig.state.phase, 'ramping');
});
