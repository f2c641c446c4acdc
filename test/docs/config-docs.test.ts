import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configDocsText, docsMarkers } from '#src/config/config-docs.ts';
import { configSchema } from '#src/config/schema.ts';
import type { SchemaNode } from '#src/config/schema-node.ts';

const docs = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');
const generated = docs.slice(
  docs.indexOf(docsMarkers.start),
  docs.indexOf(docsMarkers.end) + docsMarkers.end.length,
);

/** Dotted paths of all keys that hold a value, by a walk of its own. */
function leafPaths(node: SchemaNode, path: string): string[] {
  if (node.items?.properties !== undefined) return [path, ...leafPaths(node.items, `${path}[]`)];
  const form = node.anyOf?.find(({ properties, description }) => properties && description);
  if (form !== undefined) return [path, ...leafPaths(form, path)];
  if (node.properties === undefined) return [path];
  return Object.entries(node.properties).flatMap(([key, child]) =>
    leafPaths(child, path === '' ? key : `${path}.${key}`),
  );
}

test('docs/config.md has the tables of the schema when it is read', () => {
  assert.equal(generated, configDocsText(), 'renew them: node src/config/print-docs.ts');
});

test('every key of the schema is documented, and every documented key is in the schema', () => {
  const documented = [...generated.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] as string);
  const leaves = leafPaths(configSchema, '');
  assert.ok(leaves.length > 50);
  for (const path of leaves) assert.ok(documented.includes(path), `${path} is documented`);
  // A mapping with a default of its own or inside a list item is a key as well as the keys below it.
  for (const path of documented)
    assert.ok(
      leaves.some((leaf) => leaf === path || leaf.startsWith(`${path}.`)),
      `${path} exists`,
    );
});

test('every key has a meaning and a type when it is documented', () => {
  for (const line of generated.split('\n').filter((text) => text.startsWith('| `'))) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    assert.equal(cells.length, 5, line);
    for (const cell of cells) assert.ok(cell.trim() !== '', line);
  }
});
