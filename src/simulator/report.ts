// Chooses what a simulation runs and how often, and makes its report.
import { cpus } from 'node:os';
import type { Results } from './results.ts';
import { allScenarios } from './scenarios/all-scenarios.ts';
import {
  attributionScenarios,
  blipScenarios,
  capScenarios,
  cleanScenarios,
  disturbedScenarios,
  stickyScenarios,
} from './scenarios/clean-scenarios.ts';
import {
  foundScenarios,
  moreFoundScenarios,
  parkScenarios,
  routeScenarios,
  worseScenarios,
} from './scenarios/failing-scenarios.ts';
import { incidentScenarios, retestedScenarios } from './scenarios/retest-scenarios.ts';
import { type Yardstick, yardsticks } from './scenarios/yardsticks.ts';
import { cleanTable, foundTable, markdownTable, type Table, targetTable, worseTable } from './tables.ts';
import type { Selection } from './tasks.ts';

const quickNames: ReadonlySet<string> = new Set([
  'clean/errors-0.1',
  'clean/shared-outages',
  'clean/blips-errors',
  'found/0.6',
  'found/5',
  'found/100',
  'found/slow-all',
  'worse/0.6',
  'worse/404',
]);
const quickYardsticks: ReadonlySet<string> = new Set(['ideal/0.6', 'ideal/5', 'ideal/slow-all']);
const quickRuns = 12;

/** All scenarios, as often as the figures need it. */
export const fullSelection = (seed: number, runs: number | null): Selection => ({
  scenarios: allScenarios,
  yardsticks,
  compared: [...cleanScenarios, ...blipScenarios.slice(0, 2), ...foundScenarios, ...worseScenarios],
  seed,
  runs,
});

/** A few scenarios of each kind, which take half a minute on two cores. */
export function quickSelection(seed: number, runs: number | null): Selection {
  const scenarios = allScenarios.filter(({ name }) => quickNames.has(name));
  const measures = yardsticks.filter(({ name }) => quickYardsticks.has(name));
  return { scenarios, yardsticks: measures, compared: scenarios, seed, runs: runs ?? quickRuns };
}

/** One scenario with what it is compared with; null when there is none with that name. */
export function singleSelection(name: string, seed: number, runs: number | null): Selection | null {
  const scenarios = allScenarios.filter((scenario) => scenario.name === name);
  const suffix = name.replace(/^[^/]*\//, '/');
  const measures: Yardstick[] = yardsticks.filter(
    (yardstick) => yardstick.name === name || (name.startsWith('found/') && yardstick.name.endsWith(suffix)),
  );
  if (scenarios.length === 0 && measures.length === 0) return null;
  return { scenarios, yardsticks: measures, compared: scenarios, seed, runs };
}

export const scenarioNames: readonly string[] = [...allScenarios, ...yardsticks].map(({ name }) => name);

export interface Report {
  readonly tables: readonly Table[];
  readonly missedCount: number;
}

export function reportOf(results: Results): Report {
  const targets = targetTable(results);
  const tables = [
    targets,
    cleanTable('Nothing wrong with Y', [...cleanScenarios, ...blipScenarios], results),
    foundTable('How soon a regression is found', foundScenarios, results),
    worseTable('Whole rollouts of a worse Y', worseScenarios, results),
    foundTable('One route of many', routeScenarios.slice(0, 2), results),
    cleanTable(
      'More with nothing wrong with Y',
      [
        ...routeScenarios.slice(2),
        ...disturbedScenarios,
        ...stickyScenarios,
        ...capScenarios,
        ...attributionScenarios,
        ...parkScenarios,
      ],
      results,
    ),
    foundTable('More regressions', moreFoundScenarios, results),
    cleanTable('Tested again before a revert: incidents that pass', incidentScenarios, results),
    foundTable('Tested again before a revert: what stays worse', retestedScenarios, results),
  ].filter(({ rows }) => rows.length > 0);
  return { tables, missedCount: targets.missedCount };
}

export interface RunFacts {
  readonly seed: number;
  /** Most runs of each scenario; null for as many as a full simulation has. */
  readonly runs: number | null;
  readonly seconds: number;
  readonly atMs: number;
}

/** What a reader of the figures has to know. */
const readingNotes = `## How to read the figures

- A clean Y goes through whole rollouts with the shipped steps, from 1 % on, and so do the baselines. All streams run at once with the shipped budget: errors, caps, latency, eight status classes (aborts among them), 64 routes.
- Bursts on one cluster alone come at random times, in rows of their own at even ones. Rollouts begin at 1 %, where Y gets 10 requests a second and two bursts within seconds are four failures of some fifty. One row has the shipped bake and soak, a quarter of an hour of bursts.
- The ideal test for latency knows the share of every bucket. "Latency above p98 +20 %" leaves all that is quicker as it is.
- Seconds of a rollout include the shipped warm-up of 45 s. Without safety net and breaker, which no simulation of counts has, extra failures are those of the split alone.
- A false revert within 1 % over a whole rollout is what the evidence promises, not an accident: one in thousands of clean rollouts is. One that was found, with requests never answered on both clusters, had four failures of 82 requests on Y within four seconds, by errors of 0.1 % alone; none of them was a time-out.
`;

/** The report as Markdown. */
export function markdownReport(report: Report, { seed, runs, seconds, atMs }: RunFacts): string {
  const [cpu] = cpus();
  const date = new Date(atMs).toISOString().slice(0, 10);
  const machine = `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  return [
    '# How good the decisions are',
    '',
    `Measured by \`crossover simulate --full --seed ${seed}${runs === null ? '' : ` --runs ${runs}`}\` on ${date} in ${Math.round(seconds / 60)} min (${machine}). The engine, the control loop and the rollout are those of production; clock, traffic and faults are simulated. What the rows mean is in [docs/simulator.md](../docs/simulator.md).`,
    '',
    ...report.tables.map(markdownTable),
    readingNotes,
  ].join('\n');
}
