// What every long form has in common: numbers as options, a seed, progress, the table of figures, the exit
// code.
import { parseArgs } from 'node:util';
import { chooseSeed } from '../support/load-client.ts';
import { type Figure, isHeld, toMarkdown, writeSection } from './report.ts';

export interface Run {
  readonly seed: number;
  /** The number given as `--name`, or its default. */
  option(name: string): number;
  /** Prints a line of progress. */
  say(line: string): void;
}

export interface Measured {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

export interface LongForm {
  readonly title: string;
  /** Path of the program, for the report. */
  readonly file: string;
  /** Options besides --seed and --write, with their defaults. */
  readonly options: Readonly<Record<string, number>>;
  measure(run: Run): Promise<Measured>;
}

/** Parses the command line, measures, prints the report, and ends the process: 1 when a figure was missed. */
export async function runLongForm(form: LongForm): Promise<never> {
  const { options } = form;
  const names = [...Object.keys(options), 'seed'];
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
      write: { type: 'boolean', default: false },
    },
  });
  const given = values as Readonly<Record<string, string | boolean | undefined>>;
  const startedMs = performance.now();
  const run: Run = {
    seed: Number(given.seed ?? chooseSeed()),
    option: (name) => numberOf(given[name] ?? options[name], name),
    say: (line) => console.log(`${minutesSince(startedMs)}  ${line}`),
  };
  run.say(`${form.title}, seed ${run.seed}`);
  const { figures, notes } = await form.measure(run);
  const parameters = Object.keys(options).map((name) => ` --${name} ${run.option(name)}`);
  const command = `node ${form.file}${parameters.join('')} --seed ${run.seed}`;
  const section = toMarkdown({ title: form.title, command, notes, figures });
  console.log(`\n${section}`);
  if (given.write === true) writeSection(form.title, section);
  process.exit(figures.every(isHeld) ? 0 : 1);
}

function numberOf(text: string | number | boolean | undefined, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  console.error(`--${name} must be a number`);
  process.exit(2);
}

function minutesSince(startedMs: number): string {
  const seconds = Math.floor((performance.now() - startedMs) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
