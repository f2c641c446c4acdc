// The decision figures on real processes and sockets, by hand: clients, Crossover and two clusters, Y well
// for a minute and then not. The simulator has more runs of the same decisions; this has what it leaves out:
// workers, breaker, replays, the clock.
//   node test/soak/decisions.ts [--only dead,latency,control] [--repeats 3] [--rate requests/s] [--seed N]
//     [--healthy seconds] [--side-by-side 1] [--runs FILE] [--write] Prints every run and a report, exits 1
//     when a figure is missed; --write puts it into DECISIONS.md beside this file. With --runs finished runs
//     are kept in the file, and only those are made that it lacks: all of it takes the better part of an
//     hour.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseSeed } from '../support/load-client.ts';
import { type ControlCost, hosts, measureControlCost, type ThreadCosts } from './control-cost.ts';
import { postShare, weightPercent, workers } from './decision-bed.ts';
import { type Condition, conditions, type Pace, type Run, runCondition } from './decision-conditions.ts';
import {
  type DecisionFigure,
  figuresOf,
  figureTable,
  isMet,
  type Measured,
  median,
  tallyTable,
} from './decision-report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    repeats: { type: 'string', default: '3' },
    rate: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    healthy: { type: 'string', default: '60' },
    'side-by-side': { type: 'string', default: '1' },
    runs: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const kept = readKept();
const seed = Number(values.seed ?? kept.seed);
const repeats = Number(values.repeats);
const atOnceMax = Number(values['side-by-side']);
const requestsPerSecond = Number(values.rate);
const pace: Pace = {
  beforeMs: 10_000,
  healthyMs: Number(values.healthy) * 1000,
  patienceMs: 180_000,
  watchMs: 30_000,
};
/** Percent of a core that the control thread may take. */
const controlPercentMax = 1;
const controlMeasuredMs = 60_000;
const controlName = 'control';

const names = [controlName, ...conditions.map(({ name }) => name)];
const wanted = values.only?.split(',') ?? names;
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no figure ${unknown.join(', ')}; there are ${names.join(', ')}`);

interface Kept {
  readonly seed: number;
  readonly costs: ControlCost[];
  readonly runs: Record<string, Run[]>;
}

function readKept(): Kept {
  const { runs: file } = values;
  if (file === undefined || !existsSync(file)) return { seed: chooseSeed(), costs: [], runs: {} };
  // JSON has no infinity: a run without a revert.
  const revive = (key: string, value: unknown) =>
    key === 'seconds' && value === null ? Number.POSITIVE_INFINITY : value;
  return JSON.parse(readFileSync(file, 'utf8'), revive) as Kept;
}

/** Says and keeps what has just been measured. */
function keep(name: string, measured: object): void {
  console.log(`${name}: ${JSON.stringify(measured)}`);
  if (values.runs !== undefined) writeFileSync(values.runs, JSON.stringify({ ...kept, seed }));
}

/**
 * One run of a condition after the other, or several at a time: never where what counts is how soon the
 * breaker opens.
 */
async function repeat(condition: Condition): Promise<Run[]> {
  const atOnce = condition.isTotal ? 1 : atOnceMax;
  kept.runs[condition.name] ??= [];
  const runs = kept.runs[condition.name] as Run[];
  while (runs.length < repeats) {
    const seeds = Array.from(
      { length: Math.min(atOnce, repeats - runs.length) },
      (_, index) => seed + 10 * (runs.length + index),
    );
    const finished = await Promise.all(
      seeds.map((each) => runCondition(condition, { seed: each, requestsPerSecond, hosts: 1 }, pace)),
    );
    runs.push(...finished);
    for (const run of finished) keep(condition.name, run);
  }
  return runs;
}

async function measure(): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const condition of conditions.filter(({ name }) => wanted.includes(name)))
    measured.push({ condition, runs: await repeat(condition) });
  return measured;
}

async function measureControl(): Promise<readonly ControlCost[]> {
  if (!wanted.includes(controlName)) return [];
  while (kept.costs.length < repeats) {
    const settings = { seed: seed + 10 * kept.costs.length, requestsPerSecond };
    kept.costs.push(await measureControlCost(settings, controlMeasuredMs));
    keep(controlName, kept.costs.at(-1) ?? {});
  }
  return kept.costs;
}

function controlFigures(costs: readonly ControlCost[]): DecisionFigure[] {
  if (costs.length === 0) return [];
  const live = Math.min(...costs.map(({ streams, routes }) => streams + routes));
  const figure = (name: string, percents: number[]): DecisionFigure => ({
    name: `control thread, ${live} streams at 4 Hz, ${name}`,
    values: percents,
    atMost: controlPercentMax,
    unit: '% of a core',
  });
  return [
    figure(
      'with traffic',
      costs.map(({ withTraffic }) => withTraffic.control),
    ),
    figure(
      'without',
      costs.map(({ without }) => without.control),
    ),
  ];
}

function report(figures: readonly DecisionFigure[], measured: readonly Measured[]): string {
  const store = (of: (cost: ControlCost) => ThreadCosts) =>
    `${median(kept.costs.map((cost) => of(cost).store)).toFixed(2)} %`;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;
  return [
    '# Decisions on real processes',
    '',
    `\`node test/soak/decisions.ts${values.only === undefined ? '' : ` --only ${values.only}`}\`, seed ${seed}, ${repeats} runs each, ${new Date().toISOString().slice(0, 10)}, ${machine}.`,
    `${requestsPerSecond} requests/s (Poisson, ${100 * postShare} % POST) through Crossover (${workers} workers) to two clusters that look like Kong (two nodes each; 0.1 % errors, lognormal latency, median 50 ms, p99 202 ms); all of it shares the machine.`,
    `${pace.beforeMs / 1000} s of X alone, then ${weightPercent} % on Y, well for ${pace.healthyMs / 1000} s, then the fault: seconds count from its onset to the published revert. Everything is as shipped, with the warm-up of 45 s, but for the steps: one at ${weightPercent} %, which is not left. A run's clients and clusters repeat with the seed; the split's draws do not.${atOnceMax > 1 ? ` Up to ${atOnceMax} runs at a time, but for those that kill Y or fail all of it.` : ''}`,
    '',
    ...figureTable(figures),
    '',
    'Each figure is held to its worst run. Clients and clusters count by a token in every request. A GET that fails on Y with 502, 503, 504 or without an answer is replayed on X, so no client may see it; a POST that has reached Y is never sent twice, so its client does. Failures in a row are those of one worker after the last success of a request that was under way when Y broke, without those that were under way when the breaker opened.',
    ...(measured.length === 0 ? [] : ['', ...tallyTable(measured)]),
    ...(wanted.includes(controlName)
      ? [
          '',
          `The control thread's CPU time is the kernel's, over ${controlMeasuredMs / 1000} s each with and without traffic, over ${hosts} routes, in a rollout after the warm-up, with nobody watching the API. The store's thread took ${store(({ withTraffic }) => withTraffic)} and ${store(({ without }) => without)} beside it (medians).`,
        ]
      : []),
    '',
  ].join('\n');
}

async function main(): Promise<boolean> {
  console.log(`seed ${seed}: ${wanted.join(', ')}`);
  const costs = await measureControl();
  const measured = await measure();
  const figures = [...measured.flatMap(figuresOf), ...controlFigures(costs)];
  const markdown = report(figures, measured);
  console.log(markdown);
  if (values.write) writeFileSync(fileURLToPath(new URL('./DECISIONS.md', import.meta.url)), markdown);
  return figures.every(isMet);
}

process.exit((await main()) ? 0 : 1);
