// CONTRIBUTING.md says of every folder of tests what it tests, and names every long form.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');

/** What is in the first cells of table rows and matches. */
const firstCells = (pattern: RegExp): string[] =>
  text.split('\n').flatMap((line) => {
    const cell = /^\| ([^|]+) \|/.exec(line)?.[1] ?? '';
    return [...cell.matchAll(pattern)].map(([, name = '']) => name);
  });

test('the map of tests has every folder of tests and no other', () => {
  const folders = readdirSync(join(root, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  assert.deepEqual(firstCells(/`test\/([\w-]+)\/`/g).toSorted(), folders.toSorted());
});

test('the table of long forms has every program of test/soak and no other', () => {
  const programs = readdirSync(join(root, 'test/soak')).filter(
    (name) =>
      name.endsWith('.ts') &&
      /^\/\/ +node test\/soak\//m.test(readFileSync(join(root, 'test/soak', name), 'utf8')),
  );
  assert.deepEqual(firstCells(/^`([\w-]+\.ts)`$/g).toSorted(), programs.toSorted());
});
