import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commentColumnsMax, wrapComments } from '../../scripts/wrap-comments.ts';

const long = Array.from({ length: 30 }, (_, index) => `word${index}`).join(' ');
const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

test('wrap-comments breaks a line comment into lines that fit and keep every word', () => {
  const wrapped = wrapComments(`  // ${long}\n  // and more\n  call();`);
  assert.ok(widest(wrapped) <= commentColumnsMax);
  const words = wrapped.replaceAll(/^ {2}\/\/ /gm, '').replaceAll('\n', ' ');
  assert.equal(words, `${long} and more   call();`);
});

test('wrap-comments makes a block of a documentation comment that is too wide for its line', () => {
  const wrapped = wrapComments(`/** ${long} */\nconst x = 1;`);
  assert.match(wrapped, /^\/\*\*\n \* word0 .*\n( \* .*\n)+ \*\/\nconst x = 1;$/);
  assert.ok(widest(wrapped) <= commentColumnsMax);
});

test('wrap-comments keeps tags and items of lists apart and indents what belongs to an item', () => {
  const wrapped = wrapComments(`/**\n * Does it.\n * @param x ${long}\n * @returns nothing\n */`);
  assert.match(wrapped, /^\/\*\*\n \* Does it\.\n \* @param x word0/);
  assert.match(wrapped, /\n \* @returns nothing\n \*\/$/);
  const list = wrapComments(`// Rules:\n//   One: ${long}\n//   Two: short\n//     and its end`);
  assert.match(
    list,
    /^\/\/ Rules:\n\/\/ {3}One: word0.*(\n\/\/ {5}word\d+.*)+\n\/\/ {3}Two: short\n\/\/ {5}and its end$/,
  );
});

test('wrap-comments leaves alone what fits, what instructs a tool, and code', () => {
  const source = [
    '// One line,',
    '// and another that could be joined with it.',
    `// biome-ignore lint/style/x: ${long}`,
    `const text = '// ${long}';`,
    '/** Short. */',
    '//',
    'https: //x',
  ].join('\n');
  assert.equal(wrapComments(source), source);
});
