// Files are short: at most 400 lines that are not comments. (Biome holds functions to 70 lines.)
import { test } from 'node:test';
import { assertNone, listed, sourceFiles } from './source-files.ts';

const linesMax = 400;

test('no file is longer than it may be, and those that are get no longer', () => {
  const lengths = new Map(
    sourceFiles('src', 'bench', 'scripts').map(({ path, lines }) => [
      path,
      lines.filter((line) => !/^\s*(\/\/|\/\*|\*[ /]|\*$)/.test(line)).length,
    ]),
  );
  const known = new Map(
    listed('known-long-files.txt').map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]),
  );
  assertNone(
    [...lengths]
      .filter(([path, length]) => length > (known.get(path) ?? linesMax))
      .map(([path, length]) => `${path}: ${length} lines`),
    'split it',
  );
  assertNone(
    [...known.keys()].filter((path) => (lengths.get(path) ?? 0) <= linesMax),
    'take these lines out of test/tidy/known-long-files.txt',
  );
});
