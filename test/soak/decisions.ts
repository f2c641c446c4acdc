// The decision figures on real processes and sockets, by hand: clients, Crossover and two clusters, Y well for a minute and then
// not. The simulator has more runs of the same decisions; this has what it leaves out: workers, breaker, replays, the clock.
//   node test/soak/decisions.ts [--only dead,latency,control] [--repeats 3] [--rate requests/s] [--seed N]
//     [--healthy seconds] [--side-by-side 1] [--write]
// Prints every run and a report, exits 1 when a figure is missed; --write puts it into DECISIONS.md beside this file.
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseSeed } from '../support/load-client.ts';
import { type ControlCost, hosts, measureControlCost } from './control-cost.ts';
import { postShare, weightPercent, workers } from './decision-bed.ts';
import { type Condition, conditions, type Pace, type Run, runCondition } from './decision-conditions.ts';
import {
  type DecisionFigure,
  figuresOf,
  figureTable,
  isMet,
  type Measured,
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
    write: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? chooseSeed());
const repeats = Number(values.repeats);
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

function tell(name: string, { seconds, revert, breakers, tally }: Run): void {
  console.log(`${name}: ${JSON.stringify({ seconds, why: revert?.text ?? null, ...tally, breakers })}`);
}

/** One run of a condition after the other, or several at a time: never where what counts is how soon the breaker opens. */
async function repeat(condition: Condition): Promise<Run[]> {
  const atOnce = condition.isTotal ? 1 : Number(values['side-by-side']);
  const runs: Run[] = [];
  while (runs.length < repeats) {
    const seeds = Array.from(
      { length: Math.min(atOnce, repeats - runs.length) },
      (_, index) => seed + 10 * (runs.length + index),
    );
    const finished = await Promise.all(
      seeds.map((each) => runCondition(condition, { seed: each, requestsPerSecond, hosts: 1 }, pace)),
    );
    for (const run of finished) tell(condition.name, run);
    runs.push(...finished);
  }
  return runs;
}

async function measure(): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const condition of conditions.filter(({ name }) => wanted.includes(name)))
    measured.push({ condition, runs: await repeat(condition) });
  return measured;
}

async function measureControl(): Promise<ControlCost[]> {
  const costs: ControlCost[] = [];
  for (let repeat = 0; wanted.includes(controlName) && repeat < repeats; repeat++) {
    const cost = await measureControlCost({ seed: seed + 10 * repeat, requestsPerSecond }, controlMeasuredMs);
    console.log(`control: ${JSON.stringify(cost)}`);
    costs.push(cost);
  }
  return costs;
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
      costs.map(({ percentWithTraffic }) => percentWithTraffic),
    ),
    figure(
      'without',
      costs.map(({ percentWithout }) => percentWithout),
    ),
  ];
}

function report(figures: readonly DecisionFigure[], measured: readonly Measured[], minutes: number): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;
  return [
    '# Decisions on real processes',
    '',
    `\`node test/soak/decisions.ts${values.only === undefined ? '' : ` --only ${values.only}`}\`, seed ${seed}, ${repeats} runs each, ${new Date().toISOString().slice(0, 10)}, ${minutes.toFixed(0)} minutes, ${machine}.`,
    `${requestsPerSecond} requests/s (Poisson, ${100 * postShare} % POST) through Crossover (${workers} workers) to two clusters that look like Kong (two nodes each; 0.1 % errors, lognormal latency, median 50 ms, p99 202 ms); all of it shares the machine.`,
    `${pace.beforeMs / 1000} s of X alone, then ${weightPercent} % on Y, well for ${pace.healthyMs / 1000} s, then the fault: seconds count from its onset to the published revert. Everything is as shipped, with the warm-up of 45 s, but for the steps: one at ${weightPercent} %, which is not left. A run's clients and clusters repeat with the seed; the split's draws do not.`,
    '',
    ...figureTable(figures),
    '',
    'Each figure is held to its worst run. Clients and clusters count by a token in every request. A GET that fails on Y with 502, 503, 504 or without an answer is replayed on X, so no client may see it; a POST that has reached Y is never sent twice, so its client does. Failures in a row are those after the last request that was still under way when Y broke.',
    ...(measured.length === 0 ? [] : ['', ...tallyTable(measured)]),
    ...(wanted.includes(controlName)
      ? [
          '',
          `The control thread's CPU time is the kernel's, over ${controlMeasuredMs / 1000} s each with and without traffic, over ${hosts} routes, in a rollout after the warm-up, with nobody watching the API.`,
        ]
      : []),
    '',
  ].join('\n');
}

async function main(): Promise<boolean> {
  const startedMs = performance.now();
  console.log(`seed ${seed}: ${wanted.join(', ')}`);
  const costs = await measureControl();
  const measured = await measure();
  const figures = [...measured.flatMap(figuresOf), ...controlFigures(costs)];
  const markdown = report(figures, measured, (performance.now() - startedMs) / 60_000);
  console.log(markdown);
  if (values.write) writeFileSync(fileURLToPath(new URL('./DECISIONS.md', import.meta.url)), markdown);
  return figures.every(isMet);
}

process.exit((await main()) ? 0 : 1);
