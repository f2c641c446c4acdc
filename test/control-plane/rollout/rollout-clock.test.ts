// A wall clock that is set while a rollout is under way, and between processes: what is measured is the time
// that has passed.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type KeptTime, RolloutClock } from '#src/control-plane/rollout/rollout-clock.ts';
import type { RolloutPlan } from '#src/core/rollout/rollout-state.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { FakeClock, LoopRig } from '../support/loop-rig.ts';
import { testPlan } from '../support/states.ts';
import { quickFolder } from '../support/temp-folder.ts';

const hourMs = 3_600_000;
const good = { perSecond: 2_000, errorsX: 0, errorsY: 0 };
/** Too little for any conclusion. */
const scarce = { perSecond: 20, errorsX: 0, errorsY: 0 };

async function started(t: TestContext, changes: Partial<RolloutPlan> = {}): Promise<LoopRig> {
  const rig = new LoopRig({ database: join(quickFolder(t), 'crossover.db'), seed: 7 });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  rig.run(60, good);
  const plan = { ...testPlan, ...changes };
  assert.ok(rig.rollout.dispatch({ type: 'start', atMs: rig.rollout.nowMs(), plan }).ok);
  await turn();
  assert.equal(rig.rollout.state.phase, 'ramping');
  return rig;
}

const command = (rig: LoopRig, name: 'promote' | 'revert') =>
  rig.rollout.dispatch({ type: 'command', atMs: rig.rollout.nowMs(), name, actor: 'ada', reason: '' });

for (const setMs of [-hourMs, hourMs]) {
  const set = `the wall clock is set ${setMs > 0 ? 'ahead' : 'back'} by an hour`;

  test(`a Y without a healthy node is reverted after 5 seconds when ${set}`, async (t) => {
    const rig = await started(t);
    rig.usableNodes.y = 0;
    rig.run(2, scarce);
    rig.clock.setMs = setMs;
    const seconds = rig.run(30, scarce, () => rig.rollout.state.phase === 'reverted');
    assert.ok(seconds >= 2.5 && seconds <= 3.5, `${seconds} s`);
  });

  test(`a step is watched for its bake, no more and no less, when ${set}`, async (t) => {
    const rig = await started(t, { bakeMs: 60_000 });
    rig.run(10, good);
    rig.clock.setMs = setMs;
    const seconds = rig.run(300, good, () => rig.weightPpm > 100_000);
    assert.ok(seconds >= 49 && seconds <= 51, `${seconds} s`);
  });

  test(`a soak takes its time when ${set}`, async (t) => {
    const rig = await started(t, { soakMs: 600_000 });
    assert.ok(command(rig, 'promote').ok);
    rig.run(10, scarce);
    rig.clock.setMs = setMs;
    const seconds = rig.run(1_200, scarce, () => rig.rollout.state.phase === 'completed');
    assert.ok(seconds >= 589 && seconds <= 591, `${seconds} s`);
  });

  test(`a step is inconclusive after its time-out when ${set}`, async (t) => {
    const rig = await started(t, { onInconclusive: 'revert' });
    rig.run(2, scarce);
    rig.clock.setMs = setMs;
    const seconds = rig.run(120, scarce, () => rig.rollout.state.phase === 'reverted');
    assert.ok(seconds >= 57 && seconds <= 59, `${seconds} s`);
  });

  test(`a control thread that takes over goes on with the time when ${set}`, async (t) => {
    const rig = await started(t, { soakMs: 600_000 });
    assert.ok(command(rig, 'promote').ok);
    rig.run(10, scarce);
    rig.clock.setMs = setMs;
    const { memory, clock } = rig;
    const second = new LoopRig({ database: rig.databaseFile, memory, clock });
    t.after(() => second.store.close(1_000));
    second.rollout.resume();
    const seconds = second.run(1_200, scarce, () => second.rollout.state.phase === 'completed');
    assert.ok(seconds >= 589 && seconds <= 591, `${seconds} s`);
  });

  test(`a transition is recorded with the time that the clock shows when ${set}`, async (t) => {
    const rig = await started(t);
    rig.clock.setMs = setMs;
    rig.run(2, scarce);
    assert.ok(command(rig, 'revert').ok);
    assert.equal(rig.transitions.at(-1)?.atMs, rig.clock.epochMs());
  });

  test(`the next rollout begins at the time that the clock shows when ${set} before`, async (t) => {
    const rig = await started(t);
    rig.clock.setMs = setMs;
    assert.ok(command(rig, 'revert').ok);
    assert.equal(rig.rollout.nowMs(), rig.clock.epochMs());
    rig.clock.setMs = 0;
    assert.equal(rig.rollout.nowMs(), rig.clock.epochMs());
  });
}

/** The clock of a new process, at `epochMs` of the wall clock. */
function newProcess(epochMs: number, kept: KeptTime | null): RolloutClock {
  const clock = new FakeClock();
  clock.setMs = epochMs - clock.epochMs();
  return new RolloutClock({ clock, memory: createSharedMemory(1).rolloutTime, kept: () => kept });
}

const epochMs = 1_800_000_000_000;

test('a new process goes on after the time that none ran', () => {
  const time = newProcess(epochMs + 90_000, { rolloutMs: epochMs, epochMs });
  time.takeUp(epochMs - 5_000);
  assert.equal(time.nowMs(), epochMs + 90_000);
});

test('a new process does not count how far the wall clock was set while the one before ran', () => {
  for (const setMs of [-hourMs, hourMs]) {
    const time = newProcess(epochMs + setMs + 2_000, { rolloutMs: epochMs, epochMs: epochMs + setMs });
    time.takeUp(epochMs - 5_000);
    assert.equal(time.nowMs(), epochMs + 2_000);
  }
});

test('the time of a rollout never goes back when the wall clock was set back between processes', () => {
  const time = newProcess(epochMs - hourMs, { rolloutMs: epochMs, epochMs });
  time.takeUp(epochMs - 5_000);
  assert.equal(time.nowMs(), epochMs);
});

test('a new process goes on at the newest time of the state when no other was kept', () => {
  const time = newProcess(epochMs - hourMs, null);
  time.takeUp(epochMs);
  assert.equal(time.nowMs(), epochMs);
});
