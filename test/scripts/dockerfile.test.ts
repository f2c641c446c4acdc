// The Dockerfile against the checkout that it is built from: an image is not built here.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Instruction {
  readonly name: string;
  readonly words: readonly string[];
}

/** The stages of the Dockerfile, each with its instructions from FROM on. */
function stages(): Instruction[][] {
  const text = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ');
  const all: Instruction[][] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [name = '', ...words] = line.trim().split(/\s+/);
    if (name === 'FROM') all.push([]);
    all.at(-1)?.push({ name, words });
  }
  return all;
}

const copies = stages()
  .flat()
  .filter(({ name }) => name === 'COPY')
  .map(({ words }) => words);

test('the Dockerfile copies what there is, and nothing that is kept from it', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const sources = copies
    .filter(([first]) => first?.startsWith('--') === false)
    .flatMap((words) => words.slice(0, -1));
  assert.ok(sources.length >= 5);
  for (const source of sources) {
    assert.ok(existsSync(new URL(source, root)), source);
    assert.ok(allowed.includes(source), `${source} is not in .dockerignore`);
  }
});

test('the image runs as a user to whom nothing belongs but its data', () => {
  const last = stages().at(-1) ?? [];
  assert.deepEqual(
    last.filter(({ name }) => name === 'USER').map(({ words }) => words),
    [['node']],
  );
  const compiled = copies.filter(([first]) => first === '--from=started');
  assert.deepEqual(compiled, [
    ['--from=started', '--chown=root:root', '/app/compile-cache', './compile-cache'],
  ]);
  const owned = stages()
    .filter(([from]) => from?.words.at(-1) === 'program')
    .flat()
    .filter(({ name, words }) => name === 'RUN' && words.includes('chown'))
    .map(({ words }) => words.slice(words.indexOf('chown') + 1).join(' '));
  assert.deepEqual(owned, ['node:node data']);
  const volumes = last.filter(({ name }) => name === 'VOLUME').map(({ words }) => words);
  assert.deepEqual(volumes, [['/app/data']], 'and nothing of it is code');
});
