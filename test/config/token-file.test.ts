import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, parseTokenFile, secretFileObjection } from '#src/config/token-file.ts';

const hash = hashOf('a long enough token');

test('a token file gives names, roles and hashes when it is well-formed', () => {
  const text = `# people\r\nalice\tadmin   sha256:${hash.toUpperCase()}\r\n\n  ci operate plain-token-of-ci\n`;
  assert.deepEqual(parseTokenFile(text), [
    { name: 'alice', role: 'admin', hash, length: null },
    { name: 'ci', role: 'operate', hash: hashOf('plain-token-of-ci'), length: 17 },
  ]);
});

test('a name has two tokens at a time, so that one can be replaced', () => {
  const two = 'ci operate one-token-of-ci\nci operate next-token-of-ci\n';
  assert.equal(parseTokenFile(two).length, 2);
  assert.throws(() => parseTokenFile(`${two}ci operate third\n`), {
    message: 'line 3: ci has 2 tokens already',
  });
  assert.throws(() => parseTokenFile('ci operate one\nci admin two\n'), {
    message: 'line 2: ci has another role above',
  });
});

for (const [what, text, message] of [
  ['no token', '# nothing\n\n', 'it has no token'],
  ['two words', 'alice secret-secret\n', 'line 1: expected a name, a role and a token or sha256:HASH'],
  ['four words', 'alice admin secret more\n', 'line 1: expected a name, a role and a token or sha256:HASH'],
  ['an unknown role', '\nalice root secret\n', 'line 2: expected a role: read, operate, admin'],
  [
    'a hash that is none',
    'alice admin sha256:abc\n',
    'line 1: expected 64 hexadecimal digits behind sha256:',
  ],
  [
    'a name that is not one',
    'al/ice admin secret\n',
    'line 1: a name has 1 to 63 letters, digits and . _ @ -',
  ],
  ['a name of ours', 'Local admin secret\n', 'line 1: Local has a meaning of its own; choose another name'],
  [
    'a token that is not visible',
    'alice admin sécret\n',
    'line 1: a token has 1 to 512 visible ASCII characters',
  ],
  [
    'one token for two',
    `a admin ${'x'.repeat(20)}\nb read ${'x'.repeat(20)}\n`,
    'line 2: b has the same token as a',
  ],
] as const)
  test(`a token file is refused with the line, and without the token, when it has ${what}`, () => {
    assert.throws(
      () => parseTokenFile(text),
      (error: Error) => {
        assert.equal(error.message, message);
        return !/secret|sécret|xxxx/.test(error.message);
      },
    );
  });

test('a token file of our own is refused when others can read or write it, as ssh refuses a key', () => {
  const own = (mode: number) => secretFileObjection({ mode, uid: 1000 }, 1000);
  for (const mode of [0o600, 0o400]) assert.equal(own(mode), null);
  for (const mode of [0o640, 0o604, 0o644])
    assert.match(own(mode) ?? '', /others can read it \(mode 06\d\d\)/);
  assert.match(own(0o620) ?? '', /others can write it/);
});

test('a token file of root that our group may read is taken, and none that others can write', () => {
  const ofRoot = (mode: number) => secretFileObjection({ mode, uid: 0 }, 1000);
  for (const mode of [0o640, 0o440, 0o444]) assert.equal(ofRoot(mode), null);
  for (const mode of [0o660, 0o602]) assert.match(ofRoot(mode) ?? '', /others can write it/);
  assert.match(secretFileObjection({ mode: 0o644, uid: 0 }, 0) ?? '', /others can read it/, 'root’s own');
});
