// Recorded traffic judged again: written by the real control loop and its recorder on fake time, read from
// the file.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { RecentTraffic } from '#src/control-plane/traffic/recent-traffic.ts';
import { TrafficRecorder } from '#src/control-plane/traffic/traffic-recorder.ts';
import { openRecordedTraffic } from '#src/record/recorded-traffic.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import { replay } from '#src/simulator/replay.ts';
import { runCli } from '../cli/run-cli.ts';
import { LoopRig, testThresholds } from '../control-plane/support/loop-rig.ts';
import { rampingState, testPlan } from '../control-plane/support/states.ts';
import { quickFolder } from '../control-plane/support/temp-folder.ts';

const good = { perSecond: 4_000, errorsX: 0.001, errorsY: 0.001 };

interface Recording {
  readonly file: string;
  /** Seconds from the start of the rollout to its end, as it was. */
  readonly seconds: number;
  readonly windows: readonly TrafficWindow[];
}

/** A minute of X, a rollout of a good Y for 20 s, then 4 % errors on it until it is reverted. */
async function record(t: TestContext): Promise<Recording> {
  const file = join(quickFolder(t), 'crossover.db');
  let recorder: TrafficRecorder | null = null;
  const rig = new LoopRig({ database: file, seed: 3, observe: (sample) => recorder?.observe(sample) });
  recorder = new TrafficRecorder({
    store: rig.store,
    traffic: new RecentTraffic(),
    rolloutState: () => rig.rollout.state,
    verdict: () => rig.assessor.verdict,
    epochMs: rig.clock.epochMs,
  });
  rig.store.saveConfig(rig.clock.epochMs(), { thresholds: testThresholds });
  rig.rollout.resume();
  rig.run(60, good);
  const startedAtMs = rig.clock.nowMs;
  rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan });
  await turn();
  rig.run(20, good);
  rig.run(60, { ...good, errorsY: 0.04 }, () => rig.rollout.state.phase === 'reverted');
  assert.equal(rig.rollout.state.phase, 'reverted');
  const seconds = (rig.clock.nowMs - startedAtMs) / 1000;
  rig.run(3, good);
  recorder.flush();
  rig.store.close(1_000);
  const read = openRecordedTraffic(file);
  assert.ok(read.ok);
  return { file, seconds, windows: read.value.windows };
}

const lenient = {
  ...testThresholds,
  errorRate: { timesX: 1, overX: 0.2, max: null },
  statusMix: { timesX: 2, overX: 0.2 },
  harm: 0.05,
};

test('recorded traffic holds every request, in windows of at most a second at one step each', async (t) => {
  const { windows, seconds } = await record(t);
  const requests = windows
    .flatMap(({ epochs }) => epochs.flatMap(({ x, y }) => [Number(x.requests ?? 0), Number(y.requests ?? 0)]))
    .reduce((sum, count) => sum + count, 0);
  assert.equal(requests, (60 + seconds + 3) * good.perSecond);
  assert.ok(windows.every(({ dtMs }) => dtMs > 0 && dtMs <= 1_000));
  assert.deepEqual(
    [...new Set(windows.map(({ rollout }) => rollout?.phase ?? 'none'))],
    ['none', 'ramping', 'reverted'],
  );
});

test('replay reverts where the record did when the thresholds are the same', async (t) => {
  const { windows, seconds } = await record(t);
  const [rollout] = replay(windows, testThresholds);
  assert.ok(rollout !== undefined && rollout.revert !== null);
  assert.equal(rollout.recordedEnd, 'reverted');
  const replayed = (rollout.revert.atMs - rollout.startedAtMs) / 1000;
  assert.equal(replayed, seconds);
  assert.match(rollout.revert.text, /^errors/);
});

test('replay says that lenient thresholds would not have reverted, and when a step was ready', async (t) => {
  const { windows } = await record(t);
  const [rollout] = replay(windows, lenient);
  assert.ok(rollout !== undefined);
  assert.equal(rollout.revert, null);
  assert.ok((rollout.steps[0]?.readyAtMs ?? 0) > rollout.startedAtMs);
});

/**
 * Windows of one second at 50 % in a rollout, with so many failures on Y, all on route slot 0; phases by
 * second.
 */
function windowsOf(
  phases: readonly ('ramping' | 'completed' | 'reverted')[],
  failuresY: number,
): TrafficWindow[] {
  const rollout = { id: 'r-1', stepIndex: 0, weightPpm: 500_000, nextWeightPpm: 1_000_000 };
  const arm = (failures: number) => ({
    requests: 200,
    failures,
    serviceFailures: failures,
    status: [200, 200 - failures, 299, failures],
    routeRequests: [0, 60, 0, 140],
    routeFailures: failures === 0 ? [] : [0, failures],
    routeServiceFailures: failures === 0 ? [] : [0, failures],
  });
  return phases.map((phase, second) => ({
    atMs: 1_000_000 + second * 1_000,
    dtMs: 1_000,
    rollout: { ...rollout, phase },
    epochs: [{ epoch: 1, weightPpm: 500_000, x: arm(0), y: arm(failuresY) }],
  }));
}

test('replay tells a rollout that was completed and sent back later from one that was reverted', () => {
  const later = [...Array(5).fill('ramping'), ...Array(20).fill('completed'), 'reverted'];
  const [rollout] = replay(windowsOf(later, 0), testThresholds);
  assert.ok(rollout !== undefined);
  assert.deepEqual([rollout.recordedEnd, rollout.revertedLater], ['completed', true]);
  assert.equal(rollout.recordedEndAtMs - rollout.startedAtMs, 5_000);
  const [reverted] = replay(windowsOf(['ramping', 'reverted'], 0), testThresholds);
  assert.deepEqual([reverted?.recordedEnd, reverted?.revertedLater], ['reverted', false]);
});

test('replay counts the time of which nothing is in the record, within a rollout alone', () => {
  const windows = windowsOf(Array(30).fill('ramping'), 0).filter((_, second) => second < 10 || second >= 18);
  assert.equal(replay(windows, testThresholds)[0]?.missingMs, 8_000);
  const ended = windowsOf([...Array(5).fill('ramping'), ...Array(20).fill('reverted')], 0);
  assert.equal(
    replay(
      ended.filter((_, second) => second < 10 || second > 15),
      testThresholds,
    )[0]?.missingMs,
    0,
  );
});

test('replay names a route as the record does, and says which were parked', () => {
  const windows = windowsOf(Array(30).fill('ramping'), 30);
  const notes = { routeNames: ['pay'], parked: new Map([['r-1', ['pay']]]) };
  const [named] = replay(windows, testThresholds, notes);
  assert.match(named?.revert?.text ?? '', /^route pay: errors 50 % on Y/);
  assert.deepEqual(named?.parked, ['pay']);
  const [unnamed] = replay(windows, testThresholds);
  assert.match(unnamed?.revert?.text ?? '', /^route number 0: errors 50 % on Y/);
});

test('simulate says what the record lacks and what is not replayed', async (t) => {
  const file = join(quickFolder(t), 'parked.db');
  const windows = windowsOf([...Array(20).fill('ramping'), 'completed', 'reverted'], 0).filter(
    (_, second) => second < 10 || second >= 13,
  );
  const store = openSqliteStore(file);
  assert.ok(store.ok);
  const routes = ['pay', 'orders', 'pay'].map((name) => ({ name, host: null, pathPrefix: `/${name}` }));
  store.value.saveConfig(1, { thresholds: testThresholds, routing: { routes } });
  store.value.saveTraffic(windows);
  const from = rampingState(500_000);
  const to = {
    ...from,
    plan: { ...testPlan, id: 'r-1' },
    parked: [{ name: 'pay', slot: 0, sinceMs: 1, text: 'bad' }],
  };
  const parked = {
    name: 'route-parked',
    from,
    to,
    atMs: 1,
    actor: 'analysis',
    reason: 'bad',
    evidence: null,
  } as const;
  const event = {
    id: 1,
    atMs: 1,
    name: 'rollout-route-parked',
    actor: 'analysis',
    text: 'bad',
    detail: null,
  };
  assert.ok(store.value.saveTransition(parked, to, event).ok);
  store.value.close();
  const read = openRecordedTraffic(file);
  assert.ok(read.ok);
  assert.deepEqual(read.value.routeNames, ['pay', 'orders']);
  const { out } = await runCli(['simulate', '--store', file]);
  assert.match(out, /in the record completed after 20 s, and sent back by hand later\./);
  assert.match(out, /3 s of counts are missing in the record/);
  assert.match(out, /pay was parked on X\. Parking is not replayed/);
});

test('simulate --store and --history judge the same traffic alike', async (t) => {
  const { file, windows } = await record(t);
  const fromStore = await runCli(['simulate', '--store', file]);
  assert.equal(fromStore.exitCode, 0);
  assert.match(fromStore.out, /Rollout rollout-1.*: in the record reverted after/);
  assert.match(fromStore.out, /It would have been reverted after \d+ s, at .* % on Y: errors/);
  const exported = `${file}.json`;
  writeFileSync(exported, JSON.stringify({ thresholds: testThresholds, windows }));
  const fromExport = await runCli(['simulate', '--history', exported]);
  const body = (out: string) => out.split('\n').slice(1);
  assert.deepEqual(body(fromExport.out), body(fromStore.out));
  assert.match(fromStore.out, /replayed with the thresholds of the record, each from when it was in force\./);
  assert.match(fromExport.out, /replayed with the thresholds in force when it was exported\./);
});

test('simulate --store judges each rollout by the thresholds that were in force', async (t) => {
  const file = join(quickFolder(t), 'two.db');
  const first = windowsOf([...Array(20).fill('ramping'), 'reverted'], 10);
  const second = first.map((window) => ({
    ...window,
    atMs: window.atMs + 3_600_000,
    rollout: window.rollout && { ...window.rollout, id: 'r-2' },
  }));
  const store = openSqliteStore(file);
  assert.ok(store.ok);
  store.value.saveConfig(900_000, { thresholds: lenient });
  store.value.saveConfig(2_000_000, { thresholds: testThresholds });
  store.value.saveTraffic(first);
  store.value.saveTraffic(second);
  store.value.close();
  const { out } = await runCli(['simulate', '--store', file, '--json']);
  const { rollouts } = JSON.parse(out);
  assert.deepEqual(
    rollouts.map((one: { revert: unknown }) => one.revert !== null),
    [false, true],
  );
  assert.equal(rollouts[0].thresholds.harm, lenient.harm);
});

test('replay begins anew when the thresholds change within a rollout', () => {
  const windows = windowsOf(Array(40).fill('ramping'), 10);
  const changedAtMs = 1_020_000;
  const [rollout] = replay(windows, [
    { atMs: 0, thresholds: lenient },
    { atMs: changedAtMs, thresholds: testThresholds },
  ]);
  assert.ok((rollout?.revert?.atMs ?? 0) > changedAtMs);
});

test('simulate refuses a store of a newer schema', async (t) => {
  const file = join(quickFolder(t), 'newer.db');
  const store = openSqliteStore(file);
  assert.ok(store.ok);
  store.value.close();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 999');
  db.close();
  const { exitCode, err } = await runCli(['simulate', '--store', file]);
  assert.equal(exitCode, 1);
  assert.match(err, /was written by a newer version of Crossover.*its schema is version 999/);
});

test('simulate says in a sentence what is wrong with what it is given', async (t) => {
  const missing = await runCli(['simulate', '--store', join(quickFolder(t), 'none.db')]);
  assert.equal(missing.exitCode, 2);
  assert.match(missing.err, /^error: there is no file/);
  const other = join(quickFolder(t), 'other.json');
  writeFileSync(other, '{}');
  assert.match((await runCli(['simulate', '--history', other])).err, /is no exported history/);
  assert.match((await runCli(['simulate', '--config', other])).err, /--store FILE or --history FILE/);
  assert.match((await runCli(['simulate', '--scenario', 'none'])).err, /There are: clean\/errors-0.01/);
});
