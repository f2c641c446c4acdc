// What src/limits.ts says of itself: every bound has a reason beside it, and what several folders need is
// there.
import { test } from 'node:test';
import { assertNone, listed, type SourceFile, sourceFiles } from './source-files.ts';

const limitsPath = 'src/limits.ts';
const sources = sourceFiles('src');

/** Constants of a file's top level that match: their names and the indices of their lines. */
function constants({ lines }: SourceFile, name: RegExp): { readonly name: string; readonly index: number }[] {
  return lines.flatMap((line, index) => {
    const found = /^(?:export )?const (\w+)\b[^=]*= (?!.*=>)/.exec(line)?.[1];
    return found !== undefined && name.test(found) ? [{ name: found, index }] : [];
  });
}

/** Whether a comment is above the line, or above the constants that it follows without a gap. */
function hasReason({ lines }: SourceFile, index: number): boolean {
  let above = index - 1;
  while (/^(export )?const /.test(lines[above] ?? '')) above--;
  return /^\s*(\/\/|\*\/|\/\*\*)/.test(lines[above] ?? '');
}

const bound = /(Max|Min|MaxDefault)$/;

test('every limit in src/limits.ts has a reason beside it', () => {
  const limits = sources.find(({ path }) => path === limitsPath) as SourceFile;
  const bare = constants(limits, /./).filter(
    ({ name, index }) => name !== 'KiB' && !hasReason(limits, index),
  );
  assertNone(
    bare.map(({ name }) => name),
    'say why it is what it is',
  );
});

test('every other bound of the sources has a reason beside it', () => {
  const bare = sources
    .filter(({ path }) => path !== limitsPath)
    .flatMap((file) =>
      constants(file, bound)
        .filter(({ index }) => !hasReason(file, index))
        .map(({ name }) => `${file.path} ${name}`),
    );
  const known = listed('known-bare-bounds.txt');
  assertNone(
    bare.filter((entry) => !known.includes(entry)),
    'say why it is what it is',
  );
  assertNone(
    known.filter((entry) => !bare.includes(entry)),
    'take these lines out of test/tidy/known-bare-bounds.txt',
  );
});

test('a bound that another folder needs is in src/limits.ts', () => {
  const folderOf = (path: string): string => path.split('/').slice(0, 2).join('/');
  const shared = sources
    .filter(({ path }) => path !== limitsPath)
    .flatMap((file) =>
      constants(file, bound)
        .filter(({ name }) =>
          sources.some(
            ({ path, text }) =>
              folderOf(path) !== folderOf(file.path) &&
              new RegExp(`import [^;]*\\b${name}\\b[^;]*from '#${file.path}'`).test(text),
          ),
        )
        .map(({ name }) => `${file.path} ${name}`),
    );
  assertNone(shared, 'move it to src/limits.ts');
});
