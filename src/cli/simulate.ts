// `crossover simulate`: measures how good the decisions are, on simulated traffic.
import { type Command, InvalidArgumentError } from 'commander';
import type { Report, RunFacts } from '#src/simulator/report.ts';
import type { Table } from '#src/simulator/tables.ts';
import type { Selection } from '#src/simulator/tasks.ts';
import { type CliContext, CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { alignRows, bar, createStyle } from '#src/terminal/style.ts';
import { writeOutput } from '#src/terminal/write-output.ts';

interface SimulateFlags {
  readonly scenario?: string;
  readonly runs?: number;
  readonly seed: number;
  readonly full?: boolean;
  readonly threads?: number;
  readonly write?: string | true;
  readonly history?: string;
  readonly store?: string;
  readonly config?: string;
  readonly json?: boolean;
}

const defaultReport = 'bench/DECISIONS.md';

/** Adds `simulate` to the program. */
export function addSimulate(program: Command, context: CliContext): void {
  program
    .command('simulate')
    .summary('measure how good the decisions are, on simulated traffic')
    .description(
      'Runs rollouts through the real control loop on simulated traffic, faults and time, beside what other tools would have done, and holds the figures to their targets. The same seed gives the same figures.',
    )
    .option('--scenario <name>', 'only this one; an unknown name lists them all')
    .option('--runs <number>', 'at most so many runs of each', whole(1, 1_000_000))
    .option('--seed <number>', 'seed of traffic and faults', whole(0, 2 ** 31 - 1), 1)
    .option('--full', 'everything, in as many runs as the targets need; takes minutes')
    .option('--threads <number>', 'threads to use (default: one per core)', whole(1, 256))
    .option('--write [file]', `also write the report as Markdown (default: ${defaultReport})`)
    .option('--history <file>', 'replay the traffic of `history export` instead')
    .option('--store <file>', 'the same with the traffic in a store file')
    .option('--config <file>', 'with the thresholds of this configuration (default: those in the record)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (flags: SimulateFlags) => {
      context.exitCode = await run(flags, context.io);
    });
}

const examples = `
Examples:
  crossover simulate                                   a few scenarios of each kind, half a minute
  crossover simulate --scenario found/0.6 --runs 50    how soon 0.5 points more errors are found
  crossover simulate --full --write                    all of it, into bench/DECISIONS.md

  crossover simulate --store data/crossover.db --config stricter.yaml
                                                       what other thresholds would have decided

Exit code 1 when a target is missed.
What next: docs/simulator.md says what the figures mean.
`;

/** Simulates traffic, or replays recorded traffic when that is asked for. */
async function run(flags: SimulateFlags, io: CliIo): Promise<number> {
  const { history, store, config } = flags;
  if (history === undefined && store === undefined) {
    if (config === undefined) return runSimulate(flags, io);
    throw new CliError(
      '--config is for replaying recorded traffic, but there is none',
      exitCodes.badUsage,
      'Add --store FILE or --history FILE.',
    );
  }
  if (history !== undefined && store !== undefined)
    throw new CliError('give --history or --store, not both', exitCodes.badUsage);
  const { runReplay } = await import('./simulate-history.ts');
  return runReplay(flags, io);
}

async function runSimulate(flags: SimulateFlags, io: CliIo): Promise<number> {
  const { markdownReport, reportOf } = await import('#src/simulator/report.ts');
  const { Results } = await import('#src/simulator/results.ts');
  const { tasksOf } = await import('#src/simulator/tasks.ts');
  const { runTasks } = await import('#src/simulator/task-pool.ts');
  const tasks = tasksOf(await selectionOf(flags));
  const results = new Results();
  const atMs = Date.now();
  const progress = new Progress(
    io,
    tasks.reduce((sum, { count }) => sum + count, 0),
  );
  await runTasks(
    tasks,
    (result) => {
      results.add(result);
      progress.add(result.task.count, result.task.name);
    },
    flags.threads,
  );
  progress.end();
  const report = reportOf(results);
  const facts: RunFacts = {
    seed: flags.seed,
    runs: flags.runs ?? null,
    seconds: (Date.now() - atMs) / 1000,
    atMs,
  };
  if (flags.write !== undefined) {
    const file = flags.write === true ? defaultReport : flags.write;
    writeOutput(file, markdownReport(report, facts));
    io.err(`Written to ${file}.\n`);
  }
  print(report, facts, flags.json === true, io);
  return report.missedCount === 0 ? exitCodes.done : exitCodes.failed;
}

async function selectionOf({ scenario, runs, seed, full }: SimulateFlags): Promise<Selection> {
  const { fullSelection, quickSelection, scenarioNames, singleSelection } = await import(
    '#src/simulator/report.ts'
  );
  const bound = runs ?? null;
  if (scenario === undefined) return full === true ? fullSelection(seed, bound) : quickSelection(seed, bound);
  const selection = singleSelection(scenario, seed, bound);
  if (selection !== null) return selection;
  throw new CliError(
    `there is no scenario ${JSON.stringify(scenario)}`,
    exitCodes.badUsage,
    `There are: ${scenarioNames.join(', ')}`,
  );
}

function print({ tables, missedCount }: Report, facts: RunFacts, json: boolean, io: CliIo): void {
  if (json) {
    io.out(`${JSON.stringify({ ...facts, missedCount, tables })}\n`);
    return;
  }
  const style = createStyle(io.color);
  for (const table of tables) {
    io.out(`${style.bold(table.title)}\n${style.dim(table.note)}\n\n`);
    io.out(`${tableLines(table).join('\n')}\n\n`);
  }
  const text = missedCount === 0 ? style.good('Every target is kept.') : style.bad(`${missedCount} missed.`);
  io.out(`${text} Seed ${facts.seed}, ${Math.round(facts.seconds)} s.\n`);
}

const tableLines = ({ head, rows }: Table): string[] =>
  alignRows([head.map((cell) => cell.toUpperCase()), ...rows]).map((line) => `  ${line}`);

/** Shows progress: as a bar in a terminal, elsewhere as a line after each tenth. */
class Progress {
  readonly #io: CliIo;
  readonly #total: number;
  #done = 0;
  #tenths = 0;

  constructor(io: CliIo, total: number) {
    this.#io = io;
    this.#total = total;
  }

  add(runs: number, name: string): void {
    this.#done += runs;
    const share = this.#done / this.#total;
    if (this.#io.isTty) {
      this.#io.err(
        `\r${bar(share, 40)} ${this.#done} of ${this.#total} runs  ${name.padEnd(32).slice(0, 32)}`,
      );
      return;
    }
    if (Math.floor(share * 10) === this.#tenths) return;
    this.#tenths = Math.floor(share * 10);
    this.#io.err(`${this.#done} of ${this.#total} runs\n`);
  }

  end(): void {
    if (this.#io.isTty) this.#io.err('\r\u001b[K');
  }
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}
