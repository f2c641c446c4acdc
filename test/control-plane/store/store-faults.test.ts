// The store on a disk that does not cooperate: real files, real locks, real processes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { event, transitionTo } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

const child = fileURLToPath(new URL('../support/store-child.ts', import.meta.url));
/** Nobody: a user who may read the sources but owns nothing. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

function seeded(file: string, events = 3): void {
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  for (let id = 1; id <= events; id++) assert.ok(opened.value.appendEvent(event(id, 'x'.repeat(2_000))).ok);
  opened.value.close();
}

function runChild(mode: string, file: string, options: { uid?: number } = {}): Record<string, unknown> {
  const result = spawnSync(process.execPath, [child, mode, file], { encoding: 'utf8', ...options });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

test('store reports unavailable when its path leads through a file', (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const opened = openSqliteStore(join(folder, 'file', 'crossover.db'));
  assert.ok(!opened.ok);
  assert.equal(opened.problem.kind, 'unavailable');
});

test('store reports read-only when the file may not be written', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'crossover.db');
  seeded(file);
  chmodSync(file, 0o444);
  chmodSync(folder, 0o555);
  try {
    // Permissions do not bind root, so then another user tries.
    const found = runChild('write-once', file, isRoot ? { uid: nobody } : {});
    // SQLite cannot make the files of the write-ahead log either, and says so first on some versions.
    assert.ok(
      ['read-only', 'unavailable'].includes(String(found.opened ?? found.written)),
      JSON.stringify(found),
    );
  } finally {
    chmodSync(folder, 0o755);
  }
});

test('store reports locked within a tick when another process holds the file', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  seeded(file);
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  t.after(() => opened.value.close());
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  const refused = opened.value.appendEvent(event(4));
  assert.ok(!refused.ok);
  assert.equal(refused.problem.kind, 'locked');
  assert.ok(opened.value.readEvents(0, 10).ok);
  holder.exec('ROLLBACK');
  holder.close();
  assert.ok(opened.value.appendEvent(event(4)).ok);
});

test('store reports full when the disk has no room, and can still be read', (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'crossover.db');
  seeded(file);
  // The limit on file size (512-byte blocks) fails writes as a full disk does: in the middle of a file.
  const script = `ulimit -f 400; exec "${process.execPath}" "${child}" fill "${file}"`;
  const result = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  const found = JSON.parse(result.stdout) as Record<string, unknown>;
  assert.ok(found.written === 'full' || found.written === 'io', JSON.stringify(found));
  assert.equal(found.read, true);
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  const broken = opened.value.verifyRecord();
  assert.ok(broken.ok && broken.value === null);
  opened.value.close();
});

test('store refuses a file with a damaged page', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  seeded(file, 50);
  const size = readFileSync(file).length;
  const handle = openSync(file, 'r+');
  for (let at = 8_192; at < size; at += 4_096) writeSync(handle, Buffer.alloc(64, 0xa5), 0, 64, at);
  closeSync(handle);
  const opened = openSqliteStore(file);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.kind, 'corrupt');
  assert.match(opened.problem.text, /damaged/);
});

test('store holds everything it confirmed when its process is killed in the middle of writing', async (t) => {
  for (let round = 0; round < 5; round++) {
    const file = join(tempFolder(t), 'crossover.db');
    const process_ = spawn(process.execPath, [child, 'write-forever', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const confirmed = await killAfter(process_, 5 + round * 7);
    const db = new DatabaseSync(file);
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
    db.close();
    const opened = openSqliteStore(file);
    assert.ok(opened.ok);
    const rollout = opened.value.loadRollout();
    const last = opened.value.lastEventId();
    assert.ok(rollout.ok && last.ok);
    assert.ok(last.value >= confirmed, `${last.value} events of at least ${confirmed}`);
    assert.equal(rollout.value?.weightPpm, last.value, 'state and events are of one transaction');
    const broken = opened.value.verifyRecord();
    assert.ok(broken.ok && broken.value === null);
    opened.value.close();
  }
});

/** Kills the process once it has confirmed `count` records; resolves with the last one it confirmed. */
async function killAfter(process_: ChildProcess, count: number): Promise<number> {
  assert.ok(process_.stdout);
  let last = 0;
  for await (const line of createInterface({ input: process_.stdout })) {
    last = Number(line);
    if (last === count) process_.kill('SIGKILL');
  }
  if (process_.exitCode === null && process_.signalCode === null) await once(process_, 'exit');
  return last;
}

test('store writes a transition whole or not at all when the event number is taken', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  t.after(() => opened.value.close());
  const state = { phase: 'idle', weightPpm: 9 } as const;
  assert.ok(opened.value.appendEvent(event(1)).ok);
  assert.ok(!opened.value.saveTransition(transitionTo(state), state, event(1)).ok);
  const rollout = opened.value.loadRollout();
  assert.ok(rollout.ok && rollout.value === null);
  assert.ok(
    opened.value.saveTransition(transitionTo(state), state, event(2)).ok,
    'the next one is not affected',
  );
});
