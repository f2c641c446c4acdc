import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LoopRig } from './support/loop-rig.ts';
import { testPlan } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

const good = { perSecond: 2_000, errorsX: 0.001, errorsY: 0.001 };

async function started(t: TestContext): Promise<LoopRig> {
  const rig = new LoopRig({ database: join(quickFolder(t), 'crossover.db'), seed: 7 });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  rig.run(60, good);
  const outcome = rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan });
  assert.ok(outcome.ok);
  // The checks before the start are asynchronous.
  await turn();
  assert.equal(rig.rollout.state.phase, 'ramping');
  return rig;
}

test('control loop takes a rollout from counters to completed when Y is as good as X', async (t) => {
  const rig = await started(t);
  rig.run(900, good, () => rig.rollout.state.phase === 'completed');
  assert.equal(rig.rollout.state.phase, 'completed');
  assert.deepEqual(
    rig.transitions.map(({ name, to }) => [name, to.weightPpm]),
    [
      ['started', 0],
      ['step', 100_000],
      ['step', 250_000],
      ['step', 500_000],
      ['soak', 990_000],
      ['completed', 1_000_000],
    ],
  );
  assert.equal(rig.weightPpm, 1_000_000);
  const saved = rig.port.store.loadRollout();
  assert.ok(saved.ok && saved.value?.phase === 'completed');
});

test('control loop reverts within seconds when Y fails', async (t) => {
  const rig = await started(t);
  rig.run(3, good);
  const seconds = rig.run(30, { ...good, errorsY: 0.3 }, () => rig.rollout.state.phase === 'reverted');
  assert.ok(seconds <= 10, `${seconds} s`);
  assert.equal(rig.weightPpm, 0);
  const last = rig.transitions.at(-1);
  assert.equal(last?.actor, 'analysis');
  assert.match(last?.reason ?? '', /errors/);
  assert.ok(last?.evidence !== null);
});

test('control loop never reverts when both clusters fail alike', async (t) => {
  const rig = await started(t);
  rig.run(60, { perSecond: 2_000, errorsX: 0.03, errorsY: 0.03 });
  assert.equal(rig.rollout.state.phase, 'ramping');
  assert.ok(rig.transitions.every(({ name }) => name !== 'reverted'));
});

test('control loop holds an advance and makes every revert when the store is dead', async (t) => {
  const rig = await started(t);
  const file = rig.databaseFile;
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  rig.store.saveAnalysis(0, null);
  assert.equal(rig.store.writable, false);
  rig.run(60, good);
  assert.deepEqual([rig.rollout.state.phase, rig.weightPpm], ['ramping', 100_000]);
  const { state } = rig.rollout;
  assert.equal(state.phase === 'ramping' && state.hold?.name, 'store-unavailable');
  rig.run(30, { ...good, errorsY: 0.5 }, () => rig.rollout.state.phase === 'reverted');
  assert.deepEqual([rig.rollout.state.phase, rig.weightPpm], ['reverted', 0]);
  holder.exec('ROLLBACK');
  holder.close();
  rig.run(2, good);
  const saved = rig.port.store.loadRollout();
  assert.ok(saved.ok && saved.value?.phase === 'reverted');
});

test('control loop does not move when an advance fails to be recorded at that very moment', async (t) => {
  const rig = await started(t);
  rig.run(5, good);
  const before = rig.rollout.state;
  const holder = new DatabaseSync(rig.databaseFile);
  holder.exec('BEGIN IMMEDIATE');
  assert.equal(rig.store.writable, true);
  const outcome = rig.rollout.dispatch({
    type: 'command',
    atMs: rig.clock.epochMs(),
    name: 'advance',
    actor: 'tester',
    reason: 'now',
  });
  assert.ok(!outcome.ok && outcome.kind === 'store');
  assert.equal(rig.rollout.state, before);
  assert.equal(rig.weightPpm, 100_000);
  assert.equal(rig.transitions.at(-1)?.name, 'step');
  holder.exec('ROLLBACK');
  holder.close();
});

test('control loop is not confused by a tick that comes late', async (t) => {
  const rig = await started(t);
  rig.run(3, good);
  rig.clock.nowMs += 60_000;
  rig.run(900, good, () => rig.rollout.state.phase === 'completed');
  assert.equal(rig.rollout.state.phase, 'completed');
});
