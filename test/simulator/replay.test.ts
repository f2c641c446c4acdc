// Recorded traffic judged again: written by the real control loop and its housekeeping on fake time, read from the file.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Housekeeping } from '#src/control-plane/housekeeping.ts';
import { RecentTraffic } from '#src/control-plane/recent-traffic.ts';
import { openRecordedTraffic } from '#src/control-plane/store/recorded-traffic.ts';
import type { TrafficWindow } from '#src/control-plane/traffic-window.ts';
import { WorkerWatch } from '#src/control-plane/worker-watch.ts';
import { replay } from '#src/simulator/replay.ts';
import { runCli } from '../cli/run-cli.ts';
import { LoopRig, testThresholds } from '../control-plane/support/loop-rig.ts';
import { testPlan } from '../control-plane/support/states.ts';
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
  let housekeeping: Housekeeping | null = null;
  const rig = new LoopRig({ database: file, seed: 3, observe: (sample) => housekeeping?.observe(sample) });
  housekeeping = new Housekeeping({
    store: rig.store,
    traffic: new RecentTraffic(),
    workers: new WorkerWatch(rig.memory),
    analysisSnapshot: () => null,
    rolloutState: () => rig.rollout.state,
    verdict: () => rig.judge.verdict,
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
  housekeeping.flush();
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

test('simulate --store and --history judge the same traffic alike', async (t) => {
  const { file, windows } = await record(t);
  const fromStore = await runCli(['simulate', '--store', file]);
  assert.equal(fromStore.exitCode, 0);
  assert.match(fromStore.out, /Rollout rollout-1.*: in the record reverted after/);
  assert.match(fromStore.out, /It would have been reverted after \d+ s, at .* % on Y: errors/);
  const exported = `${file}.json`;
  writeFileSync(exported, JSON.stringify({ thresholds: testThresholds, windows }));
  const fromExport = await runCli(['simulate', '--history', exported]);
  assert.equal(fromExport.out, fromStore.out);
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
