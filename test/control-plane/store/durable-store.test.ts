import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { DurableStore } from '#src/control-plane/store/durable-store.ts';
import { queuedRecordsMax } from '#src/control-plane/store/outbox.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import {
  storeCheckMs,
  storeRetryMs,
  storeSilenceMsMax,
} from '#src/control-plane/store/store-availability.ts';
import { tickMs } from '#src/limits.ts';
import { DirectPort } from '../support/direct-port.ts';
import { event, transitionTo } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

function rig(t: TestContext, file: string) {
  const changes: (string | null)[] = [];
  const events = new EventLog({ epochMs: () => 1_000, log: () => {} });
  const port = DirectPort.on(file);
  const store = new DurableStore({
    port,
    file,
    onChange: (problem) => void changes.push(problem?.kind ?? null),
    reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
  });
  t.after(() => store.close(1_000));
  events.keepIn((added) => store.appendEvent(added));
  return { changes, events, store, port };
}

const texts = ({ store }: DirectPort): string[] => {
  const read = store.readEvents(0, 100);
  assert.ok(read.ok);
  return read.value.map(({ id, text }) => `${id} ${text}`);
};

test('durable store writes what was queued, in order, when the lock is gone', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const { changes, events, store, port } = rig(t, file);
  events.add({ name: 'a', text: 'before' });
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  events.add({ name: 'b', text: 'during' });
  assert.equal(store.writable, false);
  const state = { phase: 'idle', weightPpm: 0 } as const;
  store.saveTransitionEventually(transitionTo(state), state, events.draft({ name: 'c', text: 'revert' }));
  events.add({ name: 'd', text: 'later' });
  store.tick(10_000);
  assert.deepEqual([store.writable, store.queuedCount], [false, 3]);
  holder.exec('ROLLBACK');
  holder.close();
  store.tick(10_000 + storeRetryMs - 1);
  assert.equal(store.writable, false);
  store.tick(10_000 + storeRetryMs);
  assert.deepEqual([store.writable, store.queuedCount], [true, 0]);
  assert.deepEqual(texts(port), ['1 before', '2 during', '3 revert', '4 later']);
  assert.deepEqual(changes, ['locked', null]);
  const broken = port.store.verifyRecord();
  assert.ok(broken.ok && broken.value === null);
});

test('durable store does not touch the disk when it is known to be unusable', (t) => {
  let writes = 0;
  const failing = openSqliteStore(':memory:');
  assert.ok(failing.ok);
  failing.value.appendEvent = () => {
    writes++;
    return { ok: false, problem: { kind: 'full', text: 'no room' } };
  };
  const store = new DurableStore({
    port: new DirectPort(() => failing),
    file: ':memory:',
    onChange: () => {},
    reconcileIds: () => 0,
  });
  t.after(() => store.close(1_000));
  for (let id = 1; id <= 20; id++) store.appendEvent(event(id));
  assert.equal(writes, 1);
});

test('durable store numbers what happened without it behind what it holds', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'data', 'crossover.db');
  const before = rig(t, file);
  for (const text of ['one', 'two', 'three']) before.events.add({ name: 'a', text });
  before.store.close(1_000);
  const blocked = new DatabaseSync(file);
  blocked.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const { events, store, port } = rig(t, file);
  assert.equal(store.writable, false);
  events.add({ name: 'b', text: 'started without the store' });
  blocked.close();
  store.tick(10_000);
  assert.equal(store.writable, true);
  events.add({ name: 'c', text: 'after' });
  assert.deepEqual(texts(port), ['1 one', '2 two', '3 three', '4 started without the store', '5 after']);
  assert.deepEqual(
    events.remembered(0, 10).map(({ id }) => id),
    [4, 5],
  );
});

test('durable store drops the oldest events and no transition when its queue is full', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'data', 'crossover.db');
  writeFileSync(join(folder, 'data'), 'in the way');
  const { store, events, port } = rig(t, file);
  const state = { phase: 'idle', weightPpm: 3 } as const;
  store.saveTransitionEventually(transitionTo(state), state, events.draft({ name: 't', text: 'transition' }));
  for (let count = 0; count < queuedRecordsMax + 5; count++)
    events.add({ name: 'e', text: `event ${count}` });
  assert.deepEqual([store.queuedCount, store.droppedCount], [queuedRecordsMax, 6]);
  rmSync(join(folder, 'data'));
  mkdirSync(join(folder, 'data'));
  store.tick(1_000);
  assert.equal(store.writable, true);
  const rollout = port.store.loadRollout();
  assert.ok(rollout.ok);
  assert.deepEqual(rollout.value, state);
  assert.deepEqual(texts(port).slice(0, 2), ['1 transition', '8 event 6']);
});

/** Lets time pass tick by tick. */
function pass(store: DurableStore, fromMs: number, ms: number): void {
  for (let atMs = fromMs; atMs <= fromMs + ms; atMs += tickMs) store.tick(atMs);
}

test('durable store hangs when it has been silent for two seconds, and is back when it has answered all', (t) => {
  const { changes, events, store, port } = rig(t, join(tempFolder(t), 'crossover.db'));
  events.add({ name: 'a', text: 'before' });
  pass(store, 0, 60_000);
  assert.equal(store.writable, true);
  port.hang();
  events.add({ name: 'b', text: 'under way' });
  pass(store, 60_000 + tickMs, storeSilenceMsMax - 2 * tickMs);
  assert.equal(store.writable, true);
  pass(store, 60_000 + storeSilenceMsMax, 0);
  assert.deepEqual([store.writable, store.problem?.kind], [false, 'hanging']);
  events.add({ name: 'c', text: 'during' });
  const state = { phase: 'idle', weightPpm: 0 } as const;
  store.saveTransitionEventually(transitionTo(state), state, events.draft({ name: 'd', text: 'revert' }));
  pass(store, 62_000, 30_000);
  assert.deepEqual(texts(port), ['1 before']);
  port.goOn();
  assert.deepEqual([store.writable, store.queuedCount], [true, 0]);
  assert.deepEqual(texts(port), ['1 before', '2 under way', '3 during', '4 revert']);
  assert.deepEqual(changes, ['hanging', null]);
});

test('durable store is found to hang when nothing was asked of it', (t) => {
  const { changes, store, port } = rig(t, join(tempFolder(t), 'crossover.db'));
  pass(store, 0, 10_000);
  port.hang();
  pass(store, 10_000 + tickMs, storeCheckMs + storeSilenceMsMax);
  assert.deepEqual(changes, ['hanging']);
  port.goOn();
  assert.deepEqual(changes, ['hanging', null]);
});

test('durable store does not hang because a tick comes late', (t) => {
  const { events, store, port } = rig(t, join(tempFolder(t), 'crossover.db'));
  store.tick(0);
  port.hang();
  events.add({ name: 'a', text: 'under way' });
  store.tick(60_000);
  assert.equal(store.writable, true);
});

test('durable store gives up what had to be kept first when it hangs, and tells when it is kept after all', (t) => {
  const { store, port, events } = rig(t, join(tempFolder(t), 'crossover.db'));
  const state = { phase: 'idle', weightPpm: 500_000 } as const;
  const told: string[] = [];
  port.hang();
  store.saveTransition(
    transitionTo(state),
    state,
    events.draft({ name: 'raise', text: 'raise' }),
    (result) => told.push(result.ok ? 'kept' : result.problem.kind),
    (isKept) => told.push(`answered ${isKept}`),
  );
  pass(store, 0, storeSilenceMsMax);
  assert.deepEqual(told, ['hanging']);
  port.goOn();
  assert.deepEqual(told, ['hanging', 'answered true']);
});

test('durable store answers reads and writes that are waited for with a problem while it hangs', async (t) => {
  const { store, port } = rig(t, join(tempFolder(t), 'crossover.db'));
  port.hang();
  const waiting = [store.read('readEvents', 0, 1), store.saveSetting('freeze', 1), store.saveConfig(1, {})];
  pass(store, 0, storeSilenceMsMax);
  const later = store.read('rollouts', 1);
  for (const result of await Promise.all([...waiting, later]))
    assert.ok(!result.ok && result.problem.kind === 'hanging');
});

test('durable store writes nothing out of order when one record fails and the next would not', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const { events, store, port } = rig(t, file);
  port.hang();
  events.add({ name: 'a', text: 'one' });
  events.add({ name: 'b', text: 'two' });
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  port.goOn(1);
  holder.exec('ROLLBACK');
  holder.close();
  port.goOn();
  assert.deepEqual([store.writable, texts(port)], [false, []]);
  store.tick(10_000);
  assert.equal(store.writable, true);
  assert.deepEqual(texts(port), ['1 one', '2 two']);
});

test('durable store that does not open in time is unusable, and used from when it does', async (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  rig(t, file).events.add({ name: 'a', text: 'earlier' });
  const port = DirectPort.on(file);
  port.hang();
  const changes: unknown[] = [];
  const events = new EventLog({ epochMs: () => 1_000, log: () => {} });
  const store = new DurableStore({
    port,
    file,
    onChange: (problem) => changes.push(problem),
    reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
  });
  events.keepIn((added) => store.appendEvent(added));
  await store.ready(0);
  assert.deepEqual([store.problem?.kind, store.loadRollout().ok], ['hanging', false]);
  events.add({ name: 'b', text: 'meanwhile' });
  port.goOn();
  assert.deepEqual([store.writable, changes], [true, [null]]);
  assert.ok(store.loadRollout().ok);
  assert.deepEqual(texts(port), ['1 earlier', '2 meanwhile']);
});
