import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawPictures } from '../../scripts/draw-pictures.ts';

const docs = join(import.meta.dirname, '../../docs');

test('the pictures of the decisions are those that the engine draws today', () => {
  const drawn = drawPictures();
  assert.deepEqual(readdirSync(join(docs, 'pictures')).sort(), [...drawn.keys()].sort());
  const text = readFileSync(join(docs, 'decisions.md'), 'utf8');
  for (const [name, svg] of drawn) {
    assert.ok(svg === readFileSync(join(docs, 'pictures', name), 'utf8'), `${name} is old: npm run pictures`);
    assert.match(text, new RegExp(`\\]\\(pictures/${name}\\)`), `${name} is shown`);
  }
});
