// What a restarted control thread makes of every point at which its predecessor may have died: while carrying
// out a change, between two effects or in the middle of a write.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { RolloutEffect, StepResult } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutCommandName, RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { X } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { countAnswers } from './support/counters.ts';
import { LoopRig } from './support/loop-rig.ts';
import { testPlan } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

const atMs = 1_700_000_000_000;
const command = (name: RolloutCommandName): RolloutEvent => ({
  type: 'command',
  atMs,
  name,
  actor: 'tester',
  reason: 'r',
});
const setSplit = (weightPpm: number): RolloutEvent => ({
  type: 'set-split',
  atMs,
  weightPpm,
  actor: 'tester',
  reason: 'r',
});
const start: RolloutEvent = { type: 'start', atMs, plan: testPlan };
const passed: RolloutEvent = { type: 'preflight-passed', atMs };

/** Events that lead to a state, and the one during which the thread dies. */
const changes: readonly [name: string, before: readonly RolloutEvent[], dying: RolloutEvent][] = [
  ['start', [], start],
  ['first step', [start], passed],
  ['advance', [start, passed], command('advance')],
  ['pause', [start, passed], command('pause')],
  ['raise by hand', [start, passed, command('pause')], setSplit(400_000)],
  ['lowering by hand', [start, passed, command('pause')], setSplit(50_000)],
  ['resume', [start, passed, command('pause'), setSplit(50_000)], command('resume')],
  ['promote', [start, passed], command('promote')],
  ['complete', [start, passed, command('promote')], command('complete')],
  ['revert of a ramping rollout', [start, passed], command('revert')],
  ['revert of a paused rollout', [start, passed, command('pause')], command('revert')],
  ['revert of a soaking rollout', [start, passed, command('promote')], command('revert')],
  [
    'revert of a completed rollout',
    [start, passed, command('promote'), command('complete')],
    command('revert'),
  ],
  ['split of an idle proxy', [], setSplit(300_000)],
  ['lowering of an idle proxy', [setSplit(300_000)], setSplit(100_000)],
];
const effectsMax = 5;

function rigOn(t: TestContext, database: string, memory = createSharedMemory(1)): LoopRig {
  const rig = new LoopRig({ database, memory });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  return rig;
}

function apply(rig: LoopRig, event: RolloutEvent): void {
  const outcome = rig.rollout.dispatch(event);
  assert.ok(outcome.ok, JSON.stringify(outcome));
}

/**
 * Carries out only the first effects, as a thread would that dies after them. Returns false when there are no
 * more.
 */
function dieAfter(rig: LoopRig, event: RolloutEvent, effectCount: number): boolean {
  const result = rig.rollout.decide(event);
  assert.ok(result.ok);
  const cut: StepResult = { ...result, effects: result.effects.slice(0, effectCount) };
  // What it does not get to is not missed by those who look at what it left behind.
  assert.ok(rig.rollout.apply(cut).ok);
  return effectCount < result.effects.length;
}

const recorded = (rig: LoopRig): RolloutState => {
  const loaded = rig.port.store.loadRollout();
  assert.ok(loaded.ok);
  return loaded.value ?? { phase: 'idle', weightPpm: 0, salt: 0 };
};

for (const [name, before, dying] of changes) {
  for (let effectCount = 0; effectCount <= effectsMax; effectCount++) {
    test(`restart in the same process resumes safely when the thread died in ${name} after ${effectCount} effects`, (t) => {
      const database = join(quickFolder(t), 'crossover.db');
      const memory = createSharedMemory(1);
      const first = rigOn(t, database, memory);
      for (const event of before) apply(first, event);
      const stateBefore = first.rollout.state;
      if (!dieAfter(first, dying, effectCount) && effectCount > 0) return;
      const published = first.weightPpm;
      const record = recorded(first);
      const second = rigOn(t, database, memory);
      const safe = Math.max(stateBefore.weightPpm, record.weightPpm);
      assert.ok(second.weightPpm <= safe, `${second.weightPpm} <= ${safe}`);
      assert.equal(second.weightPpm, second.rollout.state.weightPpm, 'state and split agree');
      assert.deepEqual(recorded(second), second.rollout.state, 'record and state agree');
      if (published === 0 && record.weightPpm > 0)
        assert.equal(second.weightPpm, 0, 'a begun revert is finished');
      integrityHolds(second, database);
    });

    test(`restart of the process resumes what was recorded when it died in ${name} after ${effectCount} effects`, (t) => {
      const database = join(quickFolder(t), 'crossover.db');
      const first = rigOn(t, database);
      for (const event of before) apply(first, event);
      if (!dieAfter(first, dying, effectCount) && effectCount > 0) return;
      const record = recorded(first);
      const second = rigOn(t, database);
      assert.deepEqual(second.rollout.state, record);
      assert.equal(second.weightPpm, record.weightPpm);
      integrityHolds(second, database);
    });
  }
}

function integrityHolds(rig: LoopRig, database: string): void {
  const db = new DatabaseSync(database);
  assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  db.close();
  const broken = rig.port.store.verifyRecord();
  assert.ok(broken.ok && broken.value === null);
}

test('restart keeps the evidence and skips no request when the rollout goes on', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const memory = createSharedMemory(1);
  const first = rigOn(t, database, memory);
  for (const event of [start, passed]) apply(first, event);
  first.run(5, { perSecond: 400, errorsX: 0, errorsY: 0 });
  const before = first.assessor.verdict?.streams[0];
  assert.ok(before);
  first.store.saveAnalysis(1, first.assessor.snapshot(first.rollout.state));
  countAnswers(memory, { arm: X, epoch: first.cell.epoch() }, { status: 200, count: 1_000 });
  const second = new LoopRig({ database, memory, clock: first.clock });
  t.after(() => second.store.close(1_000));
  second.rollout.resume();
  const kept = second.store.loadAnalysis();
  assert.ok(kept.ok && second.assessor.restore(kept.value?.snapshot, second.rollout.state));
  second.tick();
  const after = second.assessor.verdict?.streams[0];
  assert.equal(after?.x.requests, before.x.requests + 1_000);
  assert.equal(after?.y.requests, before.y.requests);
});

test('a step whose evidence was not kept is proven anew', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const first = rigOn(t, database);
  for (const event of [start, passed]) apply(first, event);
  const second = rigOn(t, database);
  second.run(20, { perSecond: 40, errorsX: 0, errorsY: 0 });
  assert.deepEqual([second.weightPpm, second.assessor.verdict?.rule], [100_000, 'needs-samples']);
});

test('evidence of another rollout is not taken over', (t) => {
  const rig = rigOn(t, join(quickFolder(t), 'crossover.db'));
  for (const event of [start, passed]) apply(rig, event);
  const snapshot = rig.assessor.snapshot(rig.rollout.state);
  const other: RolloutState = {
    phase: 'completed',
    plan: { ...testPlan, id: 'other' },
    weightPpm: 1_000_000,
    sinceMs: 0,
  };
  assert.equal(rig.assessor.restore(snapshot, other), false);
  assert.equal(rig.assessor.restore(snapshot, rig.rollout.state), true);
  for (const damaged of [null, 'text', {}, { rolloutId: testPlan.id }]) {
    assert.equal(rig.assessor.restore(damaged, rig.rollout.state), false);
  }
});

test('a store that becomes readable only later is taken up where it was', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const first = rigOn(t, database);
  for (const event of [start, passed]) apply(first, event);
  first.store.close(1_000);
  const holder = new DatabaseSync(database);
  holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const second = rigOn(t, database);
  assert.deepEqual([second.rollout.state.phase, second.weightPpm], ['idle', 0]);
  holder.close();
  second.tick();
  assert.deepEqual([second.rollout.state.phase, second.weightPpm], ['ramping', 100_000]);
  second.run(20, { perSecond: 40, errorsX: 0, errorsY: 0 });
  assert.equal(second.weightPpm, 100_000, 'the step is proven, not taken for proven');
});

test('a revert made while the store was unreadable wins over what it recorded', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const memory = createSharedMemory(1);
  const first = rigOn(t, database, memory);
  for (const event of [start, passed]) apply(first, event);
  first.store.close(1_000);
  const holder = new DatabaseSync(database);
  holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const second = rigOn(t, database, memory);
  assert.deepEqual([second.rollout.state.phase, second.weightPpm], ['idle', 100_000]);
  apply(second, command('revert'));
  assert.equal(second.weightPpm, 0);
  holder.close();
  second.tick();
  assert.deepEqual([second.rollout.state.weightPpm, second.weightPpm, recorded(second).weightPpm], [0, 0, 0]);
});

/** Effects that do not exist cannot be cut short: the table covers every change completely. */
test('the table of kill points covers every effect of every change', (t) => {
  for (const [name, before, dying] of changes) {
    const rig = rigOn(t, join(quickFolder(t), 'crossover.db'));
    for (const event of before) apply(rig, event);
    const result = rig.rollout.decide(dying);
    assert.ok(result.ok, name);
    const kinds = result.effects.map(({ type }: RolloutEffect) => type);
    assert.ok(kinds.includes('persist') && kinds.length <= effectsMax, `${name}: ${kinds.join(', ')}`);
  }
});
