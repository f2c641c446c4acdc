// Who can read what the store writes, whatever the umask of the process is.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { makePrivateFile, makePrivateFolder } from '#src/control-plane/store/private-files.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { StoreLock } from '#src/control-plane/store/store-lock.ts';
import { event } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

function withUmask(t: TestContext, mask: number): void {
  const before = process.umask(mask);
  t.after(() => process.umask(before));
}

for (const mask of [0o000, 0o022, 0o777]) {
  test(`store, its log and its lock are their owner's alone under a umask of ${mask.toString(8)}`, (t) => {
    const folder = join(tempFolder(t), 'var', 'lib');
    const file = join(folder, 'crossover.db');
    withUmask(t, mask);
    const lock = new StoreLock(file);
    t.after(() => lock.release());
    assert.deepEqual(lock.take(), { ok: true, value: null });
    const opened = openSqliteStore(file);
    assert.ok(opened.ok, JSON.stringify(opened));
    t.after(() => opened.value.close());
    assert.ok(opened.value.appendEvent(event(1)).ok);
    assert.deepEqual([modeOf(folder), modeOf(join(folder, '..'))], ['700', '700']);
    for (const name of readdirSync(folder)) assert.equal(modeOf(join(folder, name)), '600', name);
    assert.ok(readdirSync(folder).includes('crossover.db-wal'));
  });
}

test('files that others can read are closed to them when they are used, those of a group are left', (t) => {
  const folder = tempFolder(t);
  const [open, shared] = [join(folder, 'open.db'), join(folder, 'shared.db')];
  for (const [file, mode] of [
    [open, 0o644],
    [shared, 0o640],
  ] as const) {
    writeFileSync(file, '');
    chmodSync(file, mode);
    makePrivateFile(file);
  }
  assert.deepEqual([modeOf(open), modeOf(shared)], ['600', '640']);
});

test('folders that are there keep their mode', (t) => {
  const folder = join(tempFolder(t), 'data');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  makePrivateFolder(join(folder, 'more'));
  assert.deepEqual([modeOf(folder), modeOf(join(folder, 'more'))], ['755', '700']);
});

test('a folder that cannot be made is an error, and no endless loop', {
  skip: process.platform !== 'linux',
}, () => {
  assert.throws(() => makePrivateFolder('/proc/nope/deeper'), /ENOENT/);
});

test('a store behind a link that leads to nothing yet is made there, for its owner alone', (t) => {
  const folder = tempFolder(t);
  const [link, file] = [join(folder, 'link.db'), join(folder, 'real.db')];
  symlinkSync(file, link);
  withUmask(t, 0o022);
  const opened = openSqliteStore(link);
  assert.ok(opened.ok, JSON.stringify(opened));
  opened.value.close();
  assert.equal(modeOf(file), '600');
});
