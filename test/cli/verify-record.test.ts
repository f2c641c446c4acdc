// `events --verify` and `report` on files: signed ones, those that end elsewhere than they should, and those
// that are no store.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { StoreLock } from '#src/control-plane/store/store-lock.ts';
import { schemaVersion } from '#src/record/migrations.ts';
import { event } from '../control-plane/support/records.ts';
import { tempFolder } from '../control-plane/support/temp-folder.ts';
import { startFakeControlApi } from './fake-control-api.ts';
import { runCli } from './run-cli.ts';

const secret = '0123456789abcdef0123456789abcdef';

function rig(t: TestContext) {
  const folder = tempFolder(t);
  const store = join(folder, 'crossover.db');
  const keyFile = join(folder, 'record.key');
  writeFileSync(keyFile, `${secret}\n`);
  /** Returns where the record ends then. */
  const write = (events: number, key: Uint8Array | null = null): string => {
    const opened = openSqliteStore(store, { key: { ok: true, key } });
    assert.ok(opened.ok, JSON.stringify(opened));
    const { value: opening } = opened;
    const last = opening.lastEventId();
    assert.ok(last.ok);
    for (let count = 1; count <= events; count++)
      assert.ok(opening.appendEvent(event(last.value + count)).ok);
    const end = opening.recordEnd;
    opening.close();
    assert.ok(end !== null);
    return end.hash;
  };
  const verify = (...args: string[]) => runCli(['events', '--verify', '--store', store, ...args]);
  return { folder, store, keyFile, write, verify };
}

test('events --verify holds a record to an end that was kept, from a file and from a running Crossover', async (t) => {
  const { store, write, verify } = rig(t);
  const early = write(3);
  write(2);
  const leads = await verify('--end', early);
  assert.equal(leads.exitCode, 0, leads.out);
  assert.match(leads.out, /It goes on from the end that was given, entry 9 of 11\.\n/);
  const elsewhere = await verify('--end', 'ab'.repeat(32));
  assert.equal(elsewhere.exitCode, 1);
  assert.match(
    elsewhere.out,
    /^The record does not lead to the end that was given: .*; it has 11 entries now\.\n/,
  );
  const malformed = await verify('--end', 'ab');
  assert.equal(malformed.exitCode, 2);
  const body = {
    intact: true,
    text: 'The record is intact',
    end: early,
    signature: 'none',
    givenEnd: 9,
    entries: 11,
  };
  const api = await startFakeControlApi(() => ({ body }));
  t.after(() => api.close());
  assert.equal((await runCli(['events', '--verify', '--url', api.url, '--end', early])).exitCode, 0);
  assert.deepEqual(
    api.asked.map(({ path }) => path),
    [`/v1/record/verify?end=${early}`],
  );
  assert.equal((await runCli(['events', '--end', early, '--store', store])).exitCode, 2, 'without --verify');
});

test('events --verify --sign signs an intact record once, and from then on a key proves it', async (t) => {
  const { keyFile, write, verify } = rig(t);
  write(3);
  const unsigned = await verify('--key', keyFile);
  assert.deepEqual([unsigned.exitCode, unsigned.out.split('\n')[0]], [1, 'The record is not signed.']);
  const key = { ok: true, key: Buffer.from(secret) } as const;
  const refused = openSqliteStore(join(keyFile, '..', 'crossover.db'), { key });
  assert.ok(!refused.ok && refused.problem.kind === 'key', 'a Crossover does not sign what it finds');
  const signed = await verify('--key', keyFile, '--sign');
  assert.equal(signed.exitCode, 0, signed.out + signed.err);
  assert.match(signed.out, /Its end is signed with the key\./);
  write(2, key.key);
  assert.equal((await verify('--key', keyFile)).exitCode, 0);
  assert.match((await verify()).out, /Its end is signed; with --key FILE it is known by whom\./);
  const fromEnv = await runCli(['events', '--verify', '--store', join(keyFile, '..', 'crossover.db')], {
    env: { CROSSOVER_STORE_KEY: 'x'.repeat(32) },
  });
  assert.equal(fromEnv.exitCode, 1);
  assert.match(fromEnv.out, /not signed with this key/);
});

test('a store that is signed is not written to without its key, nor with another', (t) => {
  const { store, write } = rig(t);
  write(1, Buffer.from(secret));
  const without = openSqliteStore(store);
  assert.ok(!without.ok && without.problem.kind === 'key' && /no store\.key/.test(without.problem.text));
  const other = openSqliteStore(store, { key: { ok: true, key: Buffer.from('y'.repeat(32)) } });
  assert.ok(!other.ok && other.problem.kind === 'tampered', JSON.stringify(other));
});

test('events --verify --sign signs nothing that was changed or that a Crossover has', async (t) => {
  const { store, keyFile, write, verify } = rig(t);
  write(3);
  const lock = new StoreLock(store);
  assert.ok(lock.take().ok);
  const busy = await verify('--key', keyFile, '--sign');
  lock.release();
  assert.equal(busy.exitCode, 1);
  assert.match(busy.err, /is in use by another Crossover/);
  const db = new DatabaseSync(store);
  db.exec("DROP TRIGGER events_no_update; UPDATE events SET record = replace(record, 'event 2', 'event x')");
  db.close();
  const changed = await verify('--key', keyFile, '--sign');
  assert.equal(changed.exitCode, 1);
  assert.match(changed.out, /^Record 2 of events does not fit/);
  assert.match((await verify('--key', keyFile)).out, /^Record 2 of events does not fit/);
});

test('a key that is missing, short or no file is told, and none is needed where none is given', async (t) => {
  const { folder, keyFile, write, verify } = rig(t);
  write(1);
  for (const [key, words] of [
    [join(folder, 'none'), /the key cannot be read: ENOENT/],
    [folder, /the key .* is not a file/],
  ] as const) {
    const { exitCode, err } = await verify('--key', key);
    assert.equal(exitCode, 2);
    assert.match(err, words);
  }
  writeFileSync(keyFile, 'short');
  assert.match((await verify('--key', keyFile)).err, /has 5 characters, at least 32 are needed/);
  const running = await runCli(['events', '--verify', '--key', keyFile]);
  assert.deepEqual([running.exitCode, /--key is for --store/.test(running.err)], [2, true]);
  assert.equal((await verify('--sign')).exitCode, 2);
});

/** Files that are no store, each with what is said of it. */
function strangers(folder: string, intact: string): readonly [file: string, words: RegExp][] {
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('text.db'), 'this is not a database');
  writeFileSync(path('empty.db'), '');
  mkdirSync(path('folder.db'));
  spawnSync('mkfifo', [path('pipe.db')]);
  const other = new DatabaseSync(path('other.db'));
  other.exec('CREATE TABLE customers (x); CREATE TABLE orders (x); PRAGMA user_version = 3');
  other.close();
  writeFileSync(path('newer.db'), readFileSync(intact));
  const newer = new DatabaseSync(path('newer.db'));
  newer.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
  newer.close();
  writeFileSync(path('cut.db'), readFileSync(intact));
  truncateSync(path('cut.db'), 8_192);
  return [
    [path('text.db'), /an SQLite database .* was expected; .*\(it begins with "this is not a da"\)/],
    [path('empty.db'), /\(it is empty\)/],
    [path('folder.db'), /\(it is a folder\)/],
    [path('pipe.db'), /\(it is not a regular file\)/],
    [path('other.db'), /\(it is an SQLite database of something else, with customers, orders in it\)/],
    [
      path('newer.db'),
      /was written by a newer version of Crossover; .*version 7, this version knows up to 6/,
    ],
    [path('cut.db'), /is damaged; move the file away \(and keep it\) or restore it/],
    [path('missing.db'), /there is no (?:such )?file/],
  ];
}

test('events --verify, report and simulate say of a file that is no store what it is and what was expected', async (t) => {
  const { folder, store, write } = rig(t);
  write(300);
  for (const [file, words] of strangers(folder, store)) {
    for (const command of ['events --verify', 'report', 'simulate']) {
      const { exitCode, out, err } = await runCli([...command.split(' '), '--store', file]);
      assert.notEqual(exitCode, 0, `${command} ${file}`);
      assert.equal(out, '', `${command} ${file}`);
      assert.ok(err.includes(` ${file}`), `${command}: ${err}`);
      assert.match(err, words, command);
    }
  }
});
