import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { visibleData, visibleLines, visibleText } from '#src/base/visible-text.ts';

/** What no terminal, log or report may get: each range with a name. */
const hostile: readonly (readonly [string, number, number])[] = [
  ['C0', 0x00, 0x1f],
  ['DEL and C1', 0x7f, 0x9f],
  ['soft hyphen', 0xad, 0xad],
  ['Arabic letter mark', 0x61c, 0x61c],
  ['zero width and marks', 0x200b, 0x200f],
  ['separators and bidi', 0x2028, 0x202e],
  ['word joiner and invisible operators', 0x2060, 0x2064],
  ['bidi isolates', 0x2066, 0x2069],
  ['byte order mark', 0xfeff, 0xfeff],
  ['half of a pair', 0xd800, 0xdfff],
  ['tags', 0xe0020, 0xe007f],
];

test('visible text has no character that acts, reorders or hides when it is made of any', () => {
  for (const [name, first, last] of hostile)
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      const shown = visibleText(`a${character}b`);
      assert.ok(!shown.includes(character), `${name} ${code.toString(16)}: ${JSON.stringify(shown)}`);
      assert.match(shown, /^a( |\\u[0-9a-f]{4}|\\u\{[0-9a-f]+\})b$/, name);
    }
});

test('visible text leaves what can be seen as it is', () => {
  for (const text of [
    '',
    'errors on checkout',
    'Größe, 数, 🚀, עברית, "quoted" <b>',
    'C:\\users\\x',
    '100 % → Y',
  ])
    assert.equal(visibleText(text), text);
});

test('visible text is one line that names what was there', () => {
  assert.equal(visibleText('safe\u001b[2K\rspoof'), 'safe\\u001b[2K spoof');
  assert.equal(visibleText('one\ntwo\tthree'), 'one two three');
  assert.equal(visibleText('\u202ecod.exe'), '\\u202ecod.exe');
  assert.equal(visibleText('\u{e0041}'), '\\u{e0041}');
});

test('visible lines keep their breaks and nothing else', () => {
  assert.equal(visibleLines('Error: x\n    at \u001b[31my'), 'Error: x\n    at \\u001b[31my');
  assert.equal(visibleLines('a\rb'), 'a b');
});

test('visible text is the same when it is made visible again', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  for (let round = 0; round < 2_000; round++) {
    const length = Math.floor(random.next() * 20);
    const text = Array.from({ length }, () => String.fromCodePoint(Math.floor(random.next() * 0x3000))).join(
      '',
    );
    const once = visibleText(text);
    assert.equal(visibleText(once), once, `seed ${seed}`);
  }
});

test('visible data is the same data with every text in it visible', () => {
  const data = { reason: 'a\u001bb', list: [1, null, true, '\u2066x'], deep: { 'k\u0000': 'v' } };
  assert.deepEqual(visibleData(data), {
    reason: 'a\\u001bb',
    list: [1, null, true, '\\u2066x'],
    deep: { 'k\\u0000': 'v' },
  });
});
