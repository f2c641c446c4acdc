// The figures of a long form as a table, and its section in RESULTS.md: value, target, held or missed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Figure {
  /** What it is, with its unit last. */
  readonly name: string;
  readonly value: number;
  /** Null where the figure is for information. */
  readonly target: { readonly at: 'most' | 'least'; readonly bound: number } | null;
}

export const atMost = (name: string, value: number, bound: number): Figure => ({
  name,
  value,
  target: { at: 'most', bound },
});
export const atLeast = (name: string, value: number, bound: number): Figure => ({
  name,
  value,
  target: { at: 'least', bound },
});
export const forInformation = (name: string, value: number): Figure => ({ name, value, target: null });

/** NaN, a figure that could not be taken, holds no target. */
export function isHeld({ value, target }: Figure): boolean {
  if (target === null) return true;
  return target.at === 'most' ? value <= target.bound : value >= target.bound;
}

const round = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3));

function row(figure: Figure): string {
  const { name, value, target } = figure;
  const bound = target === null ? '' : `at ${target.at} ${round(target.bound)}`;
  const verdict = target === null ? '' : isHeld(figure) ? 'held' : 'MISSED';
  return `| ${name} | ${round(value)} | ${bound} | ${verdict} |`;
}

export interface Section {
  readonly title: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
}

const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;

export function toMarkdown({ title, command, notes, figures }: Section): string {
  return [
    `## ${title}`,
    '',
    `\`${command}\`, on ${machine()}.`,
    ...notes,
    '',
    '| figure | value | target | |',
    '| --- | --- | --- | --- |',
    ...figures.map(row),
    '',
  ].join('\n');
}

const heading =
  '# Long forms of the reliability tests\n\nEach section was written by the command it names, with `--write`.\n\n';

/** Puts the section in the place of the one with the same title, or at the end. */
export function withSection(report: string, title: string, section: string): string {
  const [, ...sections] = `\n${report}`.split(/\n(?=## )/);
  const others = sections.map((text) => `${text.trimEnd()}\n`);
  const at = others.findIndex((text) => text.startsWith(`## ${title}\n`));
  if (at === -1) others.push(section);
  else others[at] = section;
  return heading + others.join('\n');
}

export function writeSection(title: string, section: string): void {
  const path = fileURLToPath(new URL('./RESULTS.md', import.meta.url));
  const report = existsSync(path) ? readFileSync(path, 'utf8') : '';
  writeFileSync(path, withSection(report, title, section));
}
