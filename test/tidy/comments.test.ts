// Comments are there, fit into the columns of the code, and cite only what a reader can find.
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { commentColumnsMax } from '../../scripts/wrap-comments.ts';
import { assertNone, commentsOf, listed, root, type SourceFile, sourceFiles } from './source-files.ts';

const sources = sourceFiles('src', 'bench', 'scripts', 'test/tidy');
const comments = sources.flatMap(commentsOf);

test('every file opens with a comment that says what it is for', () => {
  const isOpen = ({ lines }: SourceFile): boolean =>
    /^(\/\/|\/\*)/.test((lines[0]?.startsWith('#!') ? lines[1] : lines[0]) ?? '');
  assertNone(
    sources.filter((file) => !isOpen(file)).map(({ path }) => path),
    'begin with a sentence or two on what the file is for, and not for',
  );
});

test('comments are no wider than the code may be', () => {
  const isWide = (line: string): boolean =>
    line.length > commentColumnsMax && /^\s*(\/\/|\/\*|\*)|[;,{] \/\/ /.test(line);
  const wide = sources.filter(({ lines }) => lines.some(isWide)).map(({ path }) => path);
  const folders = listed('known-wide-comments.txt');
  assertNone(
    wide.filter((path) => !folders.some((folder) => path.startsWith(folder))),
    'run npm run format',
  );
  assertNone(
    folders.filter((folder) => !wide.some((path) => path.startsWith(folder))),
    'take these lines out of test/tidy/known-wide-comments.txt',
  );
});

/** Names in capitals that a number may follow without being a section of a document. */
const notDocuments = new Set(['HTTP', 'SELECT', 'LIMIT']);

test('comments cite public sources and documents of the repository', () => {
  const known = listed('known-citations.txt');
  const cited = comments.flatMap(({ path, line, text }) =>
    [...text.matchAll(/\b([A-Z]{4,})(?:\.md)? \d+(?:\.\d+)*\b/g)]
      .filter(
        ([, name = '']) => !notDocuments.has(name) && globSync(`**/${name}.md`, { cwd: root }).length === 0,
      )
      .map(([citation]) => ({ entry: `${path} ${citation}`, place: `${path}:${line} ${citation}` })),
  );
  assertNone(
    cited.filter(({ entry }) => !known.includes(entry)).map(({ place }) => place),
    'say what it says, or cite a source that anybody can read',
  );
  assertNone(
    known.filter((entry) => !cited.some((one) => one.entry === entry)),
    'take these lines out of test/tidy/known-citations.txt',
  );
});

const everyFile = globSync('{src,test,bench,scripts,docs,config}/**/*.{ts,md,yaml,json,js,lua}', {
  cwd: root,
});

/**
 * Whether a file of that path or name exists: from the root, beside the file that names it, or by the end of
 * its path.
 */
const exists = (name: string, from: string): boolean =>
  existsSync(join(root, name)) ||
  existsSync(join(root, dirname(from), name)) ||
  everyFile.some((path) => path.endsWith(`/${name}`)) ||
  basename(from) === name;

test('every file that a comment names exists', () => {
  const named = comments.flatMap(({ path, line, text }) =>
    [...text.matchAll(/(?<![\w*./@:-])(?:#src\/|\.{1,2}\/)?([\w-]+(?:\/[\w.-]+)*\.(?:ts|md|yaml|json))\b/g)]
      .map(([, name = '']) => name)
      .filter((name) => !exists(name, path))
      .map((name) => `${path}:${line} ${name}`),
  );
  const folders = comments.flatMap(({ path, line, text }) =>
    [...text.matchAll(/(?<![\w*./@:-])(?:src|test|docs|bench|scripts|config)\/[\w/-]*\w(?![\w.*/-])/g)]
      .map(([name]) => name)
      .filter((name) => !existsSync(join(root, name)))
      .map((name) => `${path}:${line} ${name}`),
  );
  assertNone([...named, ...folders], 'name what is there');
});
