// `npm run format`: breaks comments that are wider than the code may be. Biome formats code and leaves
// comments as they are.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';

/** Columns of a line of code, as `formatter.lineWidth` of biome.json has it. */
export const commentColumnsMax = 110;

/** How a paragraph begins and goes on, such as `// ` and `//   ` for an item of a list. */
interface Prefixes {
  readonly first: string;
  readonly others: string;
}

const isWide = (line: string): boolean => line.length > commentColumnsMax;

/**
 * Words as lines that are as full as they may be. A word that is too long by itself has a line of its own.
 */
function fill(words: readonly string[], { first, others }: Prefixes): string[] {
  const lines: string[] = [];
  let line = first;
  let hasWord = false;
  for (const word of words) {
    if (hasWord && line.length + 1 + word.length > commentColumnsMax) {
      lines.push(line);
      line = others + word;
    } else line += hasWord ? ` ${word}` : word;
    hasWord = true;
  }
  return [...lines, line];
}

const startsParagraph = (text: string): boolean => text === '' || /^\s|^@|^- |^\d+\. |^-{2,}/.test(text);
const isInstruction = (text: string): boolean => /^(biome-ignore|-{2,}|\/)/.test(text);

/** The text of each line of a comment, in paragraphs: an item of a list is one, with its further lines. */
function paragraphsOf(texts: readonly string[]): string[][] {
  const paragraphs: string[][] = [];
  let indent = 0;
  for (const text of texts) {
    const own = text.length - text.trimStart().length;
    const last = paragraphs.at(-1);
    const goesOn = last !== undefined && last[0] !== '' && text !== '' && own > indent && indent > 0;
    if (last !== undefined && last[0] !== '' && (goesOn || !startsParagraph(text))) last.push(text);
    else {
      paragraphs.push([text]);
      indent = own;
    }
  }
  return paragraphs;
}

/**
 * A comment's texts as lines behind `prefix`. Only paragraphs with a line that is too wide are broken anew.
 */
function wrapTexts(texts: readonly string[], prefix: string): string[] {
  return paragraphsOf(texts).flatMap((paragraph) => {
    const [first = ''] = paragraph;
    const lines = paragraph.map((text) => (prefix + text).trimEnd());
    if (!lines.some(isWide) || paragraph.some(isInstruction)) return lines;
    const indent = first.slice(0, first.length - first.trimStart().length);
    const words = paragraph.join(' ').trim().split(/\s+/);
    const isItem = indent !== '' || /^(- |\d+\. )/.test(first);
    return fill(words, { first: prefix + indent, others: prefix + indent + (isItem ? '  ' : '') });
  });
}

/** Lines from `start` on that match, with what they capture. */
function takeWhile(lines: readonly string[], start: number, pattern: RegExp): string[] {
  const texts: string[] = [];
  for (let at = start; at < lines.length; at++) {
    const match = pattern.exec(lines[at] as string);
    if (match === null) break;
    texts.push(match[1] ?? '');
  }
  return texts;
}

/** The comment that begins in the line, wrapped, and how many lines it had; null where none begins. */
function wrapAt(lines: readonly string[], at: number): { readonly wrapped: string[]; count: number } | null {
  const line = lines[at] as string;
  const indent = line.slice(0, line.length - line.trimStart().length);
  if (line.startsWith(`${indent}//`)) {
    const texts = takeWhile(lines, at, new RegExp(`^${indent}//(?: (.*)|)$`));
    return texts.length === 0 ? null : { wrapped: wrapTexts(texts, `${indent}// `), count: texts.length };
  }
  const single = /^\s*\/\*\*? (.*) \*\/$/.exec(line);
  if (single !== null) {
    if (!isWide(line)) return null;
    const texts = wrapTexts([single[1] ?? ''], `${indent} * `);
    return { wrapped: [`${indent}/**`, ...texts, `${indent} */`], count: 1 };
  }
  if (!/^\s*\/\*\*$/.test(line)) return null;
  const texts = takeWhile(lines, at + 1, new RegExp(`^${indent} \\*(?!/)(?: (.*)|)$`));
  return { wrapped: [line, ...wrapTexts(texts, `${indent} * `)], count: texts.length + 1 };
}

/** The source with comments that fit into the columns there are. */
export function wrapComments(source: string): string {
  const lines = source.split('\n');
  const out: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const comment = wrapAt(lines, at);
    if (comment === null) out.push(lines[at++] as string);
    else {
      out.push(...comment.wrapped);
      at += comment.count;
    }
  }
  return out.join('\n');
}

if (import.meta.main) {
  const named = process.argv.slice(2);
  for (const file of named.length > 0 ? named : globSync('{src,bench,scripts,test}/**/*.ts')) {
    const source = readFileSync(file, 'utf8');
    const wrapped = wrapComments(source);
    if (wrapped !== source) writeFileSync(file, wrapped);
  }
}
