// Who has a store, between two locks of one process; between processes it is test/cli/store-owner.test.ts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import type { Opened } from '#src/control-plane/store/store-calls.ts';
import { StoreLock } from '#src/control-plane/store/store-lock.ts';
import { StoreThreadPort } from '#src/control-plane/store/store-thread-port.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { tempFolder } from '../support/temp-folder.ts';

const locked = { ok: true, value: null };

function lockOn(t: TestContext, file: string): StoreLock {
  const lock = new StoreLock(file);
  t.after(() => lock.release());
  return lock;
}

test('store lock refuses a second owner, names the first, and lets it in when that one is gone', (t) => {
  const file = join(tempFolder(t), 'data', 'crossover.db');
  const [first, second] = [lockOn(t, file), lockOn(t, file)];
  const beforeMs = Date.now();
  assert.deepEqual(first.take(), locked);
  assert.deepEqual(first.take(), locked, 'who has it keeps it');
  const refused = second.take();
  assert.ok(!refused.ok && refused.problem.kind === 'in-use');
  const { text } = refused.problem;
  assert.ok(text.startsWith(`The store ${file} is in use by another Crossover; `), text);
  const since = Date.parse(/has it since (\S+Z)\)\.$/.exec(text)?.[1] ?? '');
  assert.ok(since >= beforeMs && since <= Date.now(), text);
  if (process.platform === 'linux') assert.ok(text.includes(`(process ${process.pid} has it`), text);
  first.release();
  assert.deepEqual(second.take(), locked);
  assert.equal(statSync(`${file}.lock`).size, 0);
});

test('store lock is one for all names of a store', (t) => {
  const folder = tempFolder(t);
  const [file, link] = [join(folder, 'crossover.db'), join(folder, 'link.db')];
  const folderLink = join(tempFolder(t), 'data');
  writeFileSync(file, '');
  symlinkSync(file, link);
  symlinkSync(folder, folderLink);
  assert.deepEqual(lockOn(t, file).take(), locked);
  for (const name of [link, join(folderLink, 'crossover.db')]) {
    const refused = lockOn(t, name).take();
    assert.ok(!refused.ok && refused.problem.kind === 'in-use', name);
  }
});

test('store lock says which other user has it and how to go on', {
  skip: process.platform !== 'linux' || process.getuid?.() !== 0,
}, async (t) => {
  const folder = tempFolder(t);
  chmodSync(folder, 0o755);
  const file = join(folder, 'crossover.db');
  // As an earlier version left it: then anybody could open it and hold a lock on it for ever.
  writeFileSync(`${file}.lock`, '');
  chmodSync(`${file}.lock`, 0o644);
  const program = `
    const db = new (require('node:sqlite').DatabaseSync)(process.argv[1], { readOnly: true });
    db.exec('BEGIN');
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    console.log('locked');
    process.stdin.resume();`;
  const nobody = spawn(process.execPath, ['-e', program, `${file}.lock`], { uid: 65_534, gid: 65_534 });
  t.after(() => nobody.kill('SIGKILL'));
  await once(nobody.stdout, 'data');
  const refused = lockOn(t, file).take();
  assert.ok(!refused.ok && refused.problem.kind === 'in-use', JSON.stringify(refused));
  const { text } = refused.problem;
  assert.ok(text.includes(`process ${nobody.pid} of user nobody has its lock since `), text);
  assert.ok(text.includes(`if it is no Crossover, remove ${file}.lock`), text);
  assert.equal(statSync(`${file}.lock`).mode & 0o777, 0o600, 'nobody else can do so from now on');
});

test('store lock that cannot be had says why, and refuses nobody', (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  mkdirSync(`${file}.lock`);
  const taken = lockOn(t, file).take();
  assert.ok(taken.ok && taken.value?.includes(`${file}.lock`), JSON.stringify(taken));
});

test('store lock is not needed by a store in memory', (t) => {
  assert.deepEqual(lockOn(t, ':memory:').take(), locked);
  assert.deepEqual(lockOn(t, ':memory:').take(), locked);
});

test('store thread opens only a store that no other has, and can once that is closed or has ended', async (t) => {
  const file = join(tempFolder(t), 'crossover.db');
  const ports = Array.from(
    { length: 3 },
    () => new StoreThreadPort({ file, busyTimeoutMs: 50, keyFile: null }),
  );
  t.after(() => {
    for (const port of ports) port.end();
  });
  const [first, second, third] = ports;
  assert.ok(first && second && third);
  const opening = (port: StoreThreadPort) =>
    new Promise<StoreResult<Opened>>((resolve) => port.send('open', [null], resolve));
  const opened = await opening(first);
  assert.ok(opened.ok && opened.value.unlockedBecause === null);
  assert.ok((await opening(first)).ok, 'again');
  const refused = await opening(second);
  assert.ok(!refused.ok && refused.problem.kind === 'in-use');
  await new Promise((resolve) => first.send('close', [], resolve));
  assert.ok((await opening(second)).ok);
  second.end();
  assert.ok((await opening(third)).ok);
});
