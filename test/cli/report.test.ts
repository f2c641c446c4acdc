// Reports and record checks on the command line: of a store file that the real control loop wrote on fake
// time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RecentTraffic } from '#src/control-plane/traffic/recent-traffic.ts';
import { TrafficRecorder } from '#src/control-plane/traffic/traffic-recorder.ts';
import { LoopRig, type LoopRigOptions, testThresholds } from '../control-plane/support/loop-rig.ts';
import { event, frozenEvidence } from '../control-plane/support/records.ts';
import { badRouteVerdict, testPlan } from '../control-plane/support/states.ts';
import { quickFolder } from '../control-plane/support/temp-folder.ts';
import { startFakeControlApi } from './fake-control-api.ts';
import { runCli } from './run-cli.ts';

const good = { perSecond: 4_000, errorsX: 0.001, errorsY: 0.001 };
const evil = '<script>alert(1)</script>"\'&';

const noFailures = { kong: 0, service: 0, gateway: 0, unattributed: 0 };

interface Recorded {
  readonly rig: LoopRig;
  readonly file: string;
  finish(): void;
}

function recording(t: TestContext, options: Partial<LoopRigOptions> = {}): Recorded {
  const file = join(quickFolder(t), 'crossover.db');
  let recorder: TrafficRecorder | null = null;
  const rig = new LoopRig({
    database: file,
    seed: 3,
    observe: (sample) => recorder?.observe(sample),
    ...options,
  });
  recorder = new TrafficRecorder({
    store: rig.store,
    traffic: new RecentTraffic(),
    rolloutState: () => rig.rollout.state,
    verdict: () => rig.assessor.verdict,
    epochMs: rig.clock.epochMs,
  });
  rig.rollout.resume();
  return {
    rig,
    file,
    finish() {
      recorder?.flush();
      rig.store.close(1_000);
    },
  };
}

const planAt = (rig: LoopRig, reason: string) => ({ ...testPlan, reason, startedAtMs: rig.clock.epochMs() });

/** A rollout with a little of everything, reverted because Y fails. */
async function revertedRollout(
  t: TestContext,
  reason = 'Kong 3.10',
): Promise<Recorded & { seconds: number }> {
  const recorded = recording(t);
  const { rig } = recorded;
  const config = {
    clusters: { x: { label: 'kong-old' }, y: { label: 'kong-new' } },
    thresholds: testThresholds,
  };
  const version = await rig.store.saveConfig(rig.clock.epochMs(), config);
  assert.ok(version.ok);
  rig.store.appendEvent({ ...event(1), detail: { configVersion: version.value } });
  rig.events.reconcileIds(1, null);
  rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: planAt(rig, reason) });
  await turn();
  let seconds = rig.run(20, good);
  rig.events.add({ name: 'gate-approved', actor: 'ada', text: 'The gate "change board" was approved.' });
  seconds += rig.run(60, { ...good, errorsY: 0.04 }, () => rig.rollout.state.phase === 'reverted');
  assert.equal(rig.rollout.state.phase, 'reverted');
  const draft = rig.events.draft({ name: 'evidence-frozen', text: 'kept', detail: { rollout: testPlan.id } });
  const step = { x: noFailures, y: { ...noFailures, kong: 2, service: 38 } };
  const failureMakers = { attribution: 'kong', step, last60s: step } as const;
  const verdict = { ...badRouteVerdict('pay', 1), failureMakers };
  rig.store.saveEvidence({ ...frozenEvidence(testPlan.id), verdict }, draft);
  seconds += rig.run(3, good);
  recorded.finish();
  return { ...recorded, seconds };
}

async function pageOf(file: string): Promise<string> {
  const { exitCode, out, err } = await runCli(['report', '--store', file]);
  assert.equal(exitCode, 0, err);
  return out;
}

test('report tells how a rollout ended, with who, why, charts, evidence, thresholds and the record end', async (t) => {
  const { file } = await revertedRollout(t);
  const page = await pageOf(file);
  for (const part of [
    'kong-old',
    'kong-new',
    '<strong>Reverted</strong>',
    'Kong 3.10',
    'Share of Y',
    'Failed requests',
    'Evidence, as a share of what decides',
    'change board',
    'Routes that failed on Y',
    'POST /checkout',
    '<td>Kong</td>',
    'In this step Y had 40 errors, of these 38 made by services, not counted.',
    'errorRate.timesX',
    'for a revert',
  ])
    assert.ok(page.includes(part), part);
  const { out } = await runCli(['events', '--verify', '--store', file, '--json']);
  assert.ok(page.includes(JSON.parse(out).end), 'the end of the record');
  for (const name of ['x', 'y', 'y dashed', 'bad', 'good'])
    assert.match(page, new RegExp(`class="line ${name}" d="M[0-9. HVLMh]{20,}`), name);
});

test('report names what the tests said as no reason when somebody else decided', async (t) => {
  const { rig, file, finish } = recording(t);
  rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: planAt(rig, 'Kong 3.10') });
  await turn();
  rig.run(5, good);
  const by = { atMs: rig.clock.epochMs(), actor: 'ada', reason: 'tickets come in' };
  assert.ok(rig.rollout.dispatch({ type: 'command', name: 'revert', ...by }).ok);
  finish();
  const page = await pageOf(file);
  const decisions = page.slice(page.indexOf('<section id="decisions">'));
  const one = decisions.slice(0, decisions.indexOf('</section>'));
  assert.match(one, /tickets come in.*What the tests said: .*The verdict, which was not the reason: hold/s);
  assert.doesNotMatch(one, /Verdict: /);
  assert.doesNotMatch(one, /Started/);
});

test('report needs nothing from the network and has no script', async (t) => {
  const { file } = await revertedRollout(t, evil);
  const page = await pageOf(file);
  assert.doesNotMatch(page, /<script|<link|<img|<iframe|@import|url\(|src=|href=|https?:\/\/(?!127)/i);
  assert.ok(page.includes('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;'), 'text is escaped');
});

test('report is written to a file, and is data with --json', async (t) => {
  const { file, seconds } = await revertedRollout(t);
  const output = join(quickFolder(t), 'report.html');
  const written = await runCli(['report', '--store', file, '-o', output]);
  assert.deepEqual([written.exitCode, written.out, written.err], [0, '', `Written to ${output}.\n`]);
  assert.match(readFileSync(output, 'utf8'), /^<!doctype html>/);
  const data = JSON.parse((await runCli(['report', '--store', file, '--json'])).out);
  assert.equal(data.plan.id, testPlan.id);
  const sum = (arm: 'x' | 'y', of: 'requests' | 'failures') =>
    data.course.reduce((total: number, point: never) => total + point[arm][of], 0);
  assert.equal(sum('x', 'requests') + sum('y', 'requests'), seconds * good.perSecond, 'no request is lost');
  assert.ok(sum('y', 'failures') > 10);
});

test('report of a running Crossover is made of what its API says', async (t) => {
  const { file } = await revertedRollout(t);
  const record = JSON.parse((await runCli(['report', '--store', file, '--json'])).out);
  const api = await startFakeControlApi(() => ({ body: record }));
  t.after(() => api.close());
  const { exitCode, out } = await runCli(['report', '--url', api.url, '--rollout', 'a/b']);
  assert.equal(exitCode, 0);
  assert.deepEqual(
    api.asked.map(({ path }) => path),
    ['/v1/rollouts/a%2Fb'],
  );
  assert.ok(out.includes('kong-new'));
});

test('report of a running Crossover says which rollouts there are when the one is not', async (t) => {
  const detail = 'There is no rollout xx on record.';
  const api = await startFakeControlApi(({ path }) =>
    path === '/v1/rollouts'
      ? { body: { rollouts: [{ id: 'r-2' }, { id: 'r-1' }] } }
      : { status: 404, body: { detail } },
  );
  t.after(() => api.close());
  const { exitCode, err } = await runCli(['report', '--url', api.url, '--rollout', 'xx']);
  assert.equal(exitCode, 1);
  assert.equal(err, `error: there is no rollout xx in ${api.url}\nIt has: r-2, r-1\n`);
});

test('report goes by the order of the record when the clock is set back', async (t) => {
  const recorded = recording(t);
  const { rig } = recorded;
  rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: planAt(rig, '') });
  await turn();
  rig.run(5, good);
  const epochMs = rig.clock.epochMs;
  rig.clock.epochMs = () => epochMs() - 3_600_000;
  const atMs = rig.clock.epochMs();
  rig.rollout.dispatch({ type: 'command', name: 'revert', atMs, actor: 'ada', reason: 'clock' });
  recorded.finish();
  const page = await pageOf(recorded.file);
  assert.ok(page.includes('The clock was set back by 59 min 55 s here'), 'it is said');
  const row = (what: string) => page.indexOf(`<td class="what">${what}</td>`);
  assert.ok(row('Started') > 0 && row('Step') > row('Started') && row('Reverted') > row('Step'));
});

test('report says what there is when the rollout is not', async (t) => {
  const { file } = await revertedRollout(t);
  const { exitCode, err } = await runCli(['report', '--store', file, '--rollout', 'x']);
  assert.equal(exitCode, 1);
  assert.match(err, /there is no rollout x in .*\nIt has: rollout-1\n/);
  const both = await runCli(['report', '--store', file, '--url', 'http://127.0.0.1:1']);
  assert.equal(both.exitCode, 2);
  const missing = await runCli(['report', '--store', `${file}.gone`]);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.err, /cannot be opened/);
});

test('events --verify exits with 0 for an intact file and with 1 for a changed one, and changes neither', async (t) => {
  const { file } = await revertedRollout(t);
  const intact = await runCli(['events', '--verify', '--store', file]);
  assert.equal(intact.exitCode, 0);
  assert.match(intact.out, /^The record is intact: \d+ events, .*\nIt ends with [0-9a-f]{64}\n$/);
  const db = new DatabaseSync(file);
  db.exec(
    "DROP TRIGGER evidence_no_update; UPDATE evidence SET record = replace(record, 'checkout', 'checkin')",
  );
  db.close();
  const bytes = readFileSync(file);
  const broken = await runCli(['events', '--verify', '--store', file]);
  assert.equal(broken.exitCode, 1);
  assert.match(broken.out, /^Record 1 of evidence does not fit the hash chain\.\n/);
  assert.deepEqual(readFileSync(file), bytes);
});

test('events --verify asks a running Crossover, and --store alone is refused', async (t) => {
  const body = {
    intact: false,
    broken: { chain: 'events', id: 7 },
    text: 'Record 7 of events …',
    chains: {},
  };
  const api = await startFakeControlApi(() => ({ body }));
  t.after(() => api.close());
  const asked = await runCli(['events', '--verify', '--url', api.url, '--json']);
  assert.deepEqual([asked.exitCode, JSON.parse(asked.out)], [1, body]);
  assert.deepEqual(
    api.asked.map(({ path }) => path),
    ['/v1/record/verify'],
  );
  const alone = await runCli(['events', '--store', 'x.db']);
  assert.equal(alone.exitCode, 2);
  assert.match(alone.err, /--store is for --verify/);
});
