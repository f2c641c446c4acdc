// docs/architecture.md shows the floors of the import rules, and every folder of the sources.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string };
}

test('the floors in the architecture documentation are those of the import rules, in their order', async () => {
  const { default: config } = (await import(resolve(root, '.dependency-cruiser.cjs'))) as {
    default: { forbidden: readonly Rule[] };
  };
  const floors = Map.groupBy(
    config.forbidden.filter(({ name }) => name.endsWith('-floors')),
    ({ name }) => name,
  );
  const lines = [...floors.values()].map((rules) => {
    const paths = rules.map(({ from }) => (from.path ?? '').replace(/^\^|\/?\$?$/g, '').replaceAll('\\', ''));
    const folder = (paths[0] ?? '').split('/').slice(0, -1).join('/');
    return `${folder}: ${paths.map((path) => path.slice(folder.length + 1)).join(' < ')}`;
  });
  const documented = text.split('\n').filter((line) => /^src[\w/-]*: .* < /.test(line));
  assert.deepEqual(documented, lines);
});

test('the architecture documentation says of every folder of the sources what is in it', () => {
  const rows = text.split('\n').flatMap((line) => /^\| (`[^|]*\/`[^|]*) \|/.exec(line)?.[1] ?? []);
  const documented = rows.flatMap((cell) => [...cell.matchAll(/`([\w-]+)\/`/g)].map(([, name]) => name));
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  assert.deepEqual(documented.toSorted(), folders.toSorted());
});
