// The repository's own TypeScript files, for the tests that hold them to what CONTRIBUTING.md says of the
// code's style.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** From the repository's root, such as `src/limits.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export interface Comment {
  readonly path: string;
  /** From 1, of the comment's first line. */
  readonly line: number;
  /** Without its marks; lines are joined by one space. */
  readonly text: string;
}

/** Files of these folders, in the order of their paths. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  )
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, lines: text.split('\n') };
    });
}

/**
 * Lines of a list beside the tests that name what is not as it should be yet; none when there is no such
 * list.
 */
export function listed(name: string): string[] {
  const file = join(import.meta.dirname, name);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Fails with everything that was found, one per line, and what to do about it. */
export function assertNone(found: readonly string[], advice: string): void {
  assert.equal(found.length, 0, `${advice}:\n${found.join('\n')}`);
}

const isComment = (line: string): boolean => /^\s*(\/\/|\/\*|\*[ /]|\*$)/.test(line);
const withoutMarks = (line: string): string =>
  line
    .replace(/^\s*(\/\/|\/\*\*?|\*\/|\*)\s?/, '')
    .replace(/\s*\*\/$/, '')
    .trim();

/** Comments that have lines of their own, each as one; comments behind code, each as its own. */
export function commentsOf({ path, lines }: SourceFile): Comment[] {
  const comments: Comment[] = [];
  let block: { line: number; texts: string[] } | null = null;
  const finish = () => {
    if (block !== null) comments.push({ path, line: block.line, text: block.texts.join(' ').trim() });
    block = null;
  };
  for (const [index, line] of lines.entries()) {
    if (isComment(line)) {
      block ??= { line: index + 1, texts: [] };
      block.texts.push(withoutMarks(line));
      continue;
    }
    finish();
    const behind = /[;,{(|\w)] (?:\/\/|\/\*\*?) (.*)$/.exec(line)?.[1];
    if (behind !== undefined) comments.push({ path, line: index + 1, text: withoutMarks(behind) });
  }
  finish();
  return comments;
}
