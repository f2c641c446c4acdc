import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { EventLog } from '#src/control-plane/event-log.ts';
import { DurableStore, queuedRecordsMax, storeRetryMs } from '#src/control-plane/store/durable-store.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { event, transitionTo } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

function rig(t: TestContext, file: string) {
  const changes: (string | null)[] = [];
  const events = new EventLog({ epochMs: () => 1_000, log: () => {} });
  const store = new DurableStore({
    open: () => openSqliteStore(file),
    onChange: (problem) => void changes.push(problem?.kind ?? null),
    reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
  });
  t.after(() => store.close());
  events.keepIn((added) => store.appendEvent(added));
  return { changes, events, store };
}

const texts = (store: DurableStore): string[] => {
  const read = store.readEvents(0, 100);
  assert.ok(read.ok);
  return read.value.map(({ id, text }) => `${id} ${text}`);
};

test('durable store writes what was queued, in order, when the lock is gone', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const { changes, events, store } = rig(t, file);
  events.add({ name: 'a', text: 'before' });
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  events.add({ name: 'b', text: 'during' });
  assert.equal(store.writable, false);
  const state = { phase: 'idle', weightPpm: 0 } as const;
  store.saveTransitionEventually(transitionTo(state), state, events.draft({ name: 'c', text: 'revert' }));
  events.add({ name: 'd', text: 'later' });
  store.retry(10_000);
  assert.deepEqual([store.writable, store.queuedCount], [false, 3]);
  holder.exec('ROLLBACK');
  holder.close();
  store.retry(10_000 + storeRetryMs - 1);
  assert.equal(store.writable, false);
  store.retry(10_000 + storeRetryMs);
  assert.deepEqual([store.writable, store.queuedCount], [true, 0]);
  assert.deepEqual(texts(store), ['1 before', '2 during', '3 revert', '4 later']);
  assert.deepEqual(changes, ['locked', null]);
  const broken = store.verifyRecord(100);
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
    open: () => failing,
    onChange: () => {},
    reconcileIds: () => 0,
  });
  t.after(() => store.close());
  for (let id = 1; id <= 20; id++) store.appendEvent(event(id));
  assert.equal(writes, 1);
});

test('durable store numbers what happened without it behind what it holds', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'data', 'crossover.db');
  const before = rig(t, file);
  for (const text of ['one', 'two', 'three']) before.events.add({ name: 'a', text });
  before.store.close();
  const blocked = new DatabaseSync(file);
  blocked.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const { events, store } = rig(t, file);
  assert.equal(store.writable, false);
  events.add({ name: 'b', text: 'started without the store' });
  blocked.close();
  store.retry(10_000);
  assert.equal(store.writable, true);
  events.add({ name: 'c', text: 'after' });
  assert.deepEqual(texts(store), ['1 one', '2 two', '3 three', '4 started without the store', '5 after']);
  assert.deepEqual(
    events.remembered(0, 10).map(({ id }) => id),
    [4, 5],
  );
});

test('durable store drops the oldest events and no transition when its queue is full', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'data', 'crossover.db');
  writeFileSync(join(folder, 'data'), 'in the way');
  const { store, events } = rig(t, file);
  const state = { phase: 'idle', weightPpm: 3 } as const;
  store.saveTransitionEventually(transitionTo(state), state, events.draft({ name: 't', text: 'transition' }));
  for (let count = 0; count < queuedRecordsMax + 5; count++)
    events.add({ name: 'e', text: `event ${count}` });
  assert.deepEqual([store.queuedCount, store.droppedCount], [queuedRecordsMax, 6]);
  rmSync(join(folder, 'data'));
  mkdirSync(join(folder, 'data'));
  store.retry(1_000);
  assert.equal(store.writable, true);
  const rollout = store.loadRollout();
  assert.ok(rollout.ok);
  assert.deepEqual(rollout.value, state);
  assert.deepEqual(texts(store).slice(0, 2), ['1 transition', '8 event 6']);
});
