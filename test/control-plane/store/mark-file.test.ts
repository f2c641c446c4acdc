// The mark on a real disk: made once, written over in place, also when there is no room; and which state
// counts at a start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { MarkFile } from '#src/control-plane/store/mark-file.ts';
import { newestRollout } from '#src/control-plane/store/newest-rollout.ts';
import { Revisions } from '#src/control-plane/store/revisions.ts';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import { markBytes, markFileOf } from '#src/record/revert-mark.ts';
import { rampingState } from '../support/states.ts';
import { tempFolder } from '../support/temp-folder.ts';

const idle = (weightPpm: number): RolloutChange => ({
  name: 'split-set',
  atMs: 5,
  actor: 'ana',
  reason: '',
  state: { phase: 'idle', weightPpm },
});
const minuteMs = 60_000;

function markFor(store: string) {
  const kept: number[] = [];
  return { kept, mark: new MarkFile(store, (revision) => void kept.push(revision)) };
}

test('mark is made for its owner alone, and written over in place from then on', async (t) => {
  const store = join(tempFolder(t), 'crossover.db');
  const { kept, mark } = markFor(store);
  assert.deepEqual(await mark.read(), { kind: 'none' });
  mark.write(1, null, null);
  await mark.settled(minuteMs);
  const made = statSync(markFileOf(store));
  for (let revision = 2; revision <= 5; revision++) {
    mark.write(revision, idle(revision), null);
    await mark.settled(minuteMs);
  }
  const after = statSync(markFileOf(store));
  assert.deepEqual(
    [made.size, made.mode & 0o777, after.ino, after.size],
    [markBytes, 0o600, made.ino, markBytes],
  );
  assert.deepEqual(kept, [1, 2, 3, 4, 5]);
  const read = await markFor(store).mark.read();
  assert.ok(read.kind === 'read');
  assert.deepEqual([read.mark.revision, read.mark.change], [5, idle(5)]);
});

test('mark is written one at a time, the newest of those that wait alone', async (t) => {
  const store = join(tempFolder(t), 'crossover.db');
  const { kept, mark } = markFor(store);
  for (let revision = 1; revision <= 9; revision++) mark.write(revision, idle(revision), null);
  await mark.settled(minuteMs);
  assert.deepEqual(kept, [1, 9]);
});

test('mark that is damaged, cannot be read or is no file is not taken for none', async (t) => {
  const folder = tempFolder(t);
  const damaged = join(folder, 'damaged.db');
  writeFileSync(markFileOf(damaged), 'x'.repeat(markBytes));
  assert.deepEqual(await markFor(damaged).mark.read(), { kind: 'unreadable', cause: 'it is damaged' });
  const empty = join(folder, 'empty.db');
  writeFileSync(markFileOf(empty), '');
  assert.equal((await markFor(empty).mark.read()).kind, 'unreadable');
  const inTheWay = join(folder, 'folder.db');
  mkdirSync(markFileOf(inTheWay));
  const read = await markFor(inTheWay).mark.read();
  assert.ok(read.kind === 'unreadable' && /EISDIR/.test(read.cause));
});

test('mark is one for all names of a store', async (t) => {
  const folder = tempFolder(t);
  const [store, link] = [join(folder, 'crossover.db'), join(folder, 'link.db')];
  writeFileSync(store, '');
  symlinkSync(store, link);
  const { mark } = markFor(link);
  mark.write(1, null, null);
  await mark.settled(minuteMs);
  assert.equal(existsSync(markFileOf(store)), true);
  assert.equal((await markFor(store).mark.read()).kind, 'read');
});

test('mark that was removed is made again, and says why when it cannot be', async (t) => {
  const folder = join(tempFolder(t), 'data');
  mkdirSync(folder);
  const { kept, mark } = markFor(join(folder, 'crossover.db'));
  mark.write(1, null, null);
  await mark.settled(minuteMs);
  rmSync(folder, { recursive: true });
  mark.write(2, null, null);
  await mark.settled(minuteMs);
  assert.match(mark.problem ?? '', /ENOENT/);
  mkdirSync(folder);
  mark.write(3, null, null);
  await mark.settled(minuteMs);
  assert.deepEqual([kept, mark.problem], [[1, 3], null]);
});

test('mark is written when its disk has no room left', {
  skip: process.platform !== 'linux' || process.getuid?.() !== 0,
}, async (t: TestContext) => {
  const folder = join(tempFolder(t), 'full');
  mkdirSync(folder);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    t.skip(`no file system can be mounted: ${mounted.stderr}`);
    return;
  }
  try {
    const { kept, mark } = markFor(join(folder, 'crossover.db'));
    mark.write(1, null, null);
    await mark.settled(minuteMs);
    assert.throws(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(1 << 20)), /ENOSPC/);
    mark.write(2, idle(0), null);
    await mark.settled(minuteMs);
    assert.deepEqual([kept, mark.problem], [[1, 2], null]);
  } finally {
    spawnSync('umount', [folder]);
  }
});

test('the newest of store, mark and predecessor counts, and the store when they are the same', () => {
  const stored = { rollout: rampingState(250_000), revision: 7 };
  const mark = (revision: number, change: RolloutChange | null) => ({
    serial: 1,
    revision,
    change,
    end: null,
  });
  const handOver = (revision: number, change: RolloutChange | null) => ({
    revision,
    change,
    recordEnd: null,
  });
  const weightOf = (...args: Parameters<typeof newestRollout>) => {
    const { state, revision, found } = newestRollout(...args);
    return [state?.weightPpm ?? null, revision, found?.source ?? null];
  };
  assert.deepEqual(weightOf(stored, null, null), [250_000, 7, null]);
  assert.deepEqual(weightOf(stored, mark(7, idle(1)), handOver(7, idle(2))), [250_000, 7, null]);
  assert.deepEqual(weightOf(stored, mark(8, idle(1)), null), [1, 8, 'mark']);
  assert.deepEqual(weightOf(stored, mark(8, null), null), [250_000, 7, null]);
  assert.deepEqual(weightOf(stored, mark(8, idle(1)), handOver(9, idle(2))), [2, 9, 'predecessor']);
  assert.deepEqual(weightOf(stored, mark(9, idle(1)), handOver(8, idle(2))), [1, 9, 'mark']);
  assert.deepEqual(weightOf({ rollout: null, revision: 0 }, mark(1, idle(1)), null), [1, 1, 'mark']);
});

test('parked routes that had no room in the mark are those of the store', () => {
  const parked = [{ name: 'users', slot: 1, sinceMs: 1, text: 'errors' }];
  const stored = { rollout: { ...rampingState(250_000), parked }, revision: 7 };
  const paused = { ...idle(0), state: rampingState(100_000) };
  const found = newestRollout(stored, { serial: 1, revision: 8, change: paused, end: null }, null);
  assert.deepEqual([found.state?.weightPpm, found.state?.parked], [100_000, parked]);
  const other = newestRollout(stored, { serial: 1, revision: 8, change: idle(0), end: null }, null);
  assert.equal(other.state?.parked, undefined);
});

test('revisions grow with time, and also when the clock is set back', async () => {
  let nowMs = 1_000.7;
  const revisions = new Revisions(() => nowMs);
  assert.deepEqual([revisions.next(), revisions.next()], [1_000, 1_001]);
  nowMs = 500;
  assert.equal(revisions.next(), 1_002);
  revisions.seen(9_000);
  assert.equal(revisions.next(), 9_001);
  assert.equal(revisions.isKept, true);
  revisions.happened(9_001);
  assert.deepEqual([revisions.isKept, await revisions.whenKept(1)], [false, false]);
  const kept = revisions.whenKept(minuteMs);
  revisions.kept(9_001);
  assert.equal(await kept, true);
});
