// A disk that hangs while a rollout runs: ticks go on, reverts are made in their usual time, nothing gives Y
// more until it is on record, and the record ends with what really is.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createRandom } from '#src/base/random.ts';
import type { Outcome } from '#src/control-plane/rollout/outcome.ts';
import { storeSilenceMsMax } from '#src/control-plane/store/store-availability.ts';
import type { RolloutCommandName, RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { LoopRig } from './support/loop-rig.ts';
import { testPlan } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

const good = { perSecond: 2_000, errorsX: 0.001, errorsY: 0.001 };
const bad = { ...good, errorsY: 0.3 };

async function ramping(t: TestContext): Promise<LoopRig> {
  const rig = new LoopRig({ database: join(quickFolder(t), 'crossover.db'), seed: 7 });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  rig.run(60, good);
  assert.ok(rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan }).ok);
  // The checks before the start are asynchronous.
  await turn();
  rig.run(3, good);
  assert.deepEqual([rig.rollout.state.phase, rig.weightPpm], ['ramping', 100_000]);
  return rig;
}

const command = (rig: LoopRig, name: RolloutCommandName): RolloutEvent => ({
  type: 'command',
  atMs: rig.clock.epochMs(),
  name,
  actor: 'tester',
  reason: 'r',
});

const recorded = (rig: LoopRig): RolloutState => {
  const loaded = rig.port.store.loadRollout();
  assert.ok(loaded.ok && loaded.value);
  return loaded.value;
};

function endsWell(rig: LoopRig): void {
  rig.port.goOn();
  rig.run(3, good);
  assert.equal(rig.store.writable, true);
  assert.deepEqual(recorded(rig).weightPpm, rig.weightPpm, 'record and split agree');
  assert.deepEqual(recorded(rig).phase, rig.rollout.state.phase, 'record and state agree');
  const broken = rig.port.store.verifyRecord();
  assert.ok(broken.ok && broken.value === null);
}

test('a revert is made in its usual time when the disk hangs, and recorded when it does not any more', async (t) => {
  const healthy = await ramping(t);
  const usual = healthy.run(30, bad, () => healthy.weightPpm === 0);
  const rig = await ramping(t);
  rig.port.hang();
  const took = rig.run(30, bad, () => rig.weightPpm === 0);
  assert.deepEqual([rig.rollout.state.phase, took], ['reverted', usual]);
  assert.equal(recorded(rig).phase, 'ramping');
  rig.run(60, good);
  assert.equal(rig.store.problem?.kind, 'hanging');
  endsWell(rig);
  assert.equal(rig.rollout.state.phase, 'reverted');
});

test('an advance waits for its record, and no longer than until the store counts as hanging', async (t) => {
  const rig = await ramping(t);
  rig.port.hang();
  const outcomes: Outcome[] = [];
  rig.rollout.dispatch(command(rig, 'advance'), (outcome) => outcomes.push(outcome));
  rig.run(1, good);
  assert.deepEqual([rig.weightPpm, outcomes], [100_000, []]);
  rig.port.goOn();
  assert.deepEqual([rig.weightPpm, outcomes.length, outcomes[0]?.ok], [250_000, 1, true]);
  rig.port.hang();
  rig.rollout.dispatch(command(rig, 'advance'), (outcome) => outcomes.push(outcome));
  rig.run(storeSilenceMsMax / 1_000 + 0.5, good);
  assert.deepEqual([rig.weightPpm, rig.store.problem?.kind], [250_000, 'hanging']);
  const [, given] = outcomes;
  assert.ok(given && !given.ok && given.kind === 'store' && given.problem.kind === 'hanging');
  rig.run(40, good);
  const { state } = rig.rollout;
  assert.equal(state.phase === 'ramping' && state.hold?.name, 'store-unavailable');
  rig.port.goOn();
  assert.equal(rig.transitions.at(-1)?.name, 'recovered', 'what was recorded too late is taken back');
  assert.match(rig.transitions.at(-1)?.reason ?? '', /50 % was recorded too late .* Y stays at 25 %/);
  endsWell(rig);
});

test('an automatic advance is made once, when its record is there', async (t) => {
  const healthy = await ramping(t);
  const advancesAfter = healthy.run(900, good, () => healthy.weightPpm > 100_000);
  const rig = await ramping(t);
  rig.run(advancesAfter - 0.5, good);
  rig.port.hang();
  rig.run(1.5, good);
  assert.equal(rig.weightPpm, 100_000);
  rig.port.goOn();
  assert.equal(rig.weightPpm, 250_000);
  endsWell(rig);
  assert.deepEqual(
    rig.transitions.map(({ name, to }) => [name, to.weightPpm]),
    [
      ['started', 0],
      ['step', 100_000],
      ['step', 250_000],
    ],
  );
});

test('a revert of what is on X already takes the place of a start that is being recorded', async (t) => {
  const rig = await ramping(t);
  rig.rollout.dispatch(command(rig, 'revert'));
  rig.port.hang();
  const outcomes: Outcome[] = [];
  const start = { type: 'start', atMs: rig.clock.epochMs(), plan: testPlan } as const;
  rig.rollout.dispatch(start, (outcome) => outcomes.push(outcome));
  assert.ok(rig.rollout.dispatch(command(rig, 'revert')).ok);
  assert.ok(outcomes[0] && !outcomes[0].ok && outcomes[0].kind === 'refused');
  endsWell(rig);
  assert.deepEqual([rig.rollout.state.phase, rig.weightPpm], ['reverted', 0]);
});

test('a revert takes the place of an advance that is being recorded', async (t) => {
  const rig = await ramping(t);
  rig.port.hang();
  const outcomes: Outcome[] = [];
  rig.rollout.dispatch(command(rig, 'advance'), (outcome) => outcomes.push(outcome));
  assert.ok(rig.rollout.dispatch(command(rig, 'revert')).ok);
  assert.equal(rig.weightPpm, 0);
  assert.ok(outcomes[0] && !outcomes[0].ok && outcomes[0].kind === 'refused');
  const again = rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan });
  assert.ok(!again.ok && again.kind === 'refused', 'nothing gives Y more before all is answered');
  endsWell(rig);
  assert.equal(rig.rollout.state.phase, 'reverted');
  const events = rig.port.store.readEvents(0, 1_000);
  assert.ok(events.ok);
  assert.deepEqual(
    events.value.slice(-3).map(({ name }) => name),
    ['rollout-step', 'rollout-reverted', 'rollout-recovered'],
  );
});

test('a first step that cannot be recorded is tried again when the store is back', async (t) => {
  const rig = new LoopRig({ database: join(quickFolder(t), 'crossover.db'), seed: 7 });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  rig.run(60, good);
  assert.ok(rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan }).ok);
  rig.port.hang();
  await turn();
  rig.run(storeSilenceMsMax / 1_000 + 0.5, good);
  const { state } = rig.rollout;
  assert.equal(state.phase === 'preflight' && state.hold?.name, 'store-unavailable');
  endsWell(rig);
  assert.deepEqual([rig.rollout.state.phase, rig.weightPpm], ['ramping', 100_000]);
});

test('events are announced in the order of their numbers while one is being recorded', async (t) => {
  const rig = await ramping(t);
  const announced: number[] = [];
  rig.events.subscribe(({ id }) => announced.push(id));
  rig.port.hang();
  rig.rollout.dispatch(command(rig, 'advance'));
  rig.events.add({ name: 'other', text: 'added meanwhile' });
  assert.deepEqual(announced, []);
  rig.port.goOn();
  assert.equal(announced.length, 2);
  assert.deepEqual(
    announced,
    announced.toSorted((a, b) => a - b),
  );
});

/**
 * Random commands on a disk that hangs, answers a few calls, and goes on; a restart of the process at any
 * point.
 */
for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`nothing gives Y more than is on record, whatever the disk does (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    const database = join(quickFolder(t), 'crossover.db');
    const rig = new LoopRig({ database, memory: createSharedMemory(1), seed });
    t.after(() => rig.store.close(1_000));
    rig.rollout.resume();
    const names: RolloutCommandName[] = ['pause', 'resume', 'advance', 'promote', 'revert', 'complete'];
    const acts: (() => unknown)[] = [
      () => rig.port.hang(),
      () => rig.port.goOn(1 + (random.nextUint32() % 4)),
      () => rig.port.goOn(),
      () => rig.run(0.5, { perSecond: 40, errorsX: 0, errorsY: 0 }),
      () => rig.run(2.5, { perSecond: 40, errorsX: 0, errorsY: 0 }),
      () => rig.rollout.dispatch({ type: 'start', atMs: rig.clock.epochMs(), plan: testPlan }),
      () => rig.rollout.dispatch({ type: 'preflight-passed', atMs: rig.clock.epochMs() }),
      () =>
        rig.rollout.dispatch({
          type: 'set-split',
          atMs: rig.clock.epochMs(),
          weightPpm: random.nextUint32() % 1_000_001,
          actor: 'tester',
          reason: 'r',
        }),
      ...names.map((name) => () => rig.rollout.dispatch(command(rig, name))),
    ];
    for (let round = 0; round < 400; round++) {
      const before = rig.weightPpm;
      acts[random.nextUint32() % acts.length]?.();
      const onDisk = rig.port.store.loadRollout();
      assert.ok(onDisk.ok);
      const recordedPpm = onDisk.value?.weightPpm ?? 0;
      if (rig.weightPpm > before) assert.ok(rig.weightPpm <= recordedPpm, `round ${round}`);
      assert.equal(rig.weightPpm, rig.rollout.state.weightPpm, `round ${round}: state and split agree`);
      if (round % 20 !== 0) continue;
      const restarted = new LoopRig({ database, memory: createSharedMemory(1), seed });
      restarted.rollout.resume();
      assert.equal(restarted.weightPpm, recordedPpm, `round ${round}: a restart resumes what is on record`);
      void restarted.store.close(1_000);
    }
    endsWell(rig);
  });
}
