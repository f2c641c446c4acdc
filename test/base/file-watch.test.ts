import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileWatch } from '#src/base/file-watch.ts';

function rig(t: TestContext, read: (texts: readonly string[]) => string = (texts) => texts.join('+')) {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-watch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  const told: string[] = [];
  const files = [a, b];
  const watch = new FileWatch({
    files: () => files,
    read,
    taken: (value) => told.push(value),
    refused: (reason) => told.push(`refused: ${reason}`),
  });
  return { folder, a, b, files, told, watch };
}

test('files are taken when their content has changed, and not for a new time or inode', async (t) => {
  const { a, b, told, watch } = rig(t);
  writeFileSync(a, '1');
  writeFileSync(b, '2');
  await watch.look();
  await watch.look();
  writeFileSync(a, '1');
  unlinkSync(b);
  writeFileSync(b, '2');
  await watch.look();
  assert.deepEqual(told, ['1+2']);
  writeFileSync(b, '3');
  await watch.look();
  assert.deepEqual(told, ['1+2', '1+3']);
});

test('files are taken when a link leads to others, as in a mounted secret', async (t) => {
  const { folder, a, b, told, watch } = rig(t);
  writeFileSync(b, '2');
  for (const version of ['old', 'new']) {
    writeFileSync(join(folder, version), version);
    rmSync(a, { force: true });
    symlinkSync(join(folder, version), a);
    await watch.look();
  }
  assert.deepEqual(told, ['old+2', 'new+2']);
});

test('files are refused once when they cannot be read or make no sense, and taken when they do again', async (t) => {
  const { a, b, told, watch } = rig(t, ([text]) => {
    if (text === 'bad') throw new Error('it is bad');
    return text ?? '';
  });
  writeFileSync(b, '');
  await watch.look();
  await watch.look();
  assert.deepEqual(told, [`refused: ${a} cannot be read: there is no such file or folder`]);
  for (const content of ['good', 'bad', 'bad', 'good']) {
    writeFileSync(a, content);
    await watch.look();
  }
  assert.deepEqual(told.slice(1), ['good', 'refused: it is bad', 'good']);
});

test('a look that comes while another one waits is that one', async (t) => {
  const held = Promise.withResolvers<string>();
  let reads = 0;
  const { a, b, files, told } = rig(t);
  for (const file of [a, b]) writeFileSync(file, '');
  const watch = new FileWatch({
    files: () => files,
    read: () => {
      reads++;
      return held.promise;
    },
    taken: (value) => told.push(value),
    refused: (reason) => told.push(reason),
  });
  const looks = [watch.look(), watch.look()];
  held.resolve('once');
  await Promise.all(looks);
  assert.deepEqual([reads, told], [1, ['once']]);
});
