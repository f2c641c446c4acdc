// Divides a simulation into tasks that are small enough to be distributed over threads: runs of scenarios
// with Crossover's decisions and with those of the baselines, and runs of yardsticks. A run depends on the
// seed, the scenario and its number only, so the tasks can run in any order and on any number of cores.
import { type BaselineOutcome, simulateBaseline } from './baseline-simulation.ts';
import { type BaselineName, baselineNames } from './baselines.ts';
import type { Scenario } from './scenario.ts';
import { scenarioByName } from './scenarios/all-scenarios.ts';
import { type Yardstick, yardstickByName } from './scenarios/yardsticks.ts';
import { type RunOutcome, randomOfRun, simulate } from './simulation.ts';

export type TaskKind = 'crossover' | 'yardstick' | BaselineName;

export interface Task {
  readonly kind: TaskKind;
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
}

export interface TaskResult {
  readonly task: Task;
  readonly crossover: readonly RunOutcome[];
  readonly baseline: readonly BaselineOutcome[];
  readonly yardstick: readonly number[];
}

/** Baselines need fewer runs, because their rates are tens of percent rather than fractions of one. */
const baselineRunsMax = 30;
/** Runs in a task. A run of a scenario takes tenths of a second, of a yardstick milliseconds. */
const pieceRuns = { scenario: 4, yardstick: 50 } as const;

export interface Selection {
  readonly scenarios: readonly Scenario[];
  readonly yardsticks: readonly Yardstick[];
  /** Scenarios that are run with the baselines as well. */
  readonly compared: readonly Scenario[];
  readonly seed: number;
  /** Most runs of each scenario; null for as many as a full simulation has. */
  readonly runs: number | null;
}

export function tasksOf({ scenarios, yardsticks, compared, seed, runs }: Selection): Task[] {
  const bounded = (wanted: number): number => Math.min(wanted, runs ?? wanted);
  const yardstickRuns = (wanted: number): number => Math.min(wanted, runs === null ? wanted : 25 * runs);
  return [
    ...scenarios.flatMap(({ name, runs: wanted }) =>
      pieces({ kind: 'crossover', name, seed }, bounded(wanted), pieceRuns.scenario),
    ),
    ...compared.flatMap(({ name, runs: wanted }) =>
      baselineNames.flatMap((kind) =>
        pieces({ kind, name, seed }, Math.min(bounded(wanted), baselineRunsMax), pieceRuns.scenario),
      ),
    ),
    ...yardsticks.flatMap(({ name, runs: wanted }) =>
      pieces({ kind: 'yardstick', name, seed }, yardstickRuns(wanted), pieceRuns.yardstick),
    ),
  ];
}

function pieces(task: Pick<Task, 'kind' | 'name' | 'seed'>, runs: number, size: number): Task[] {
  const list: Task[] = [];
  for (let from = 0; from < runs; from += size)
    list.push({ ...task, from, count: Math.min(size, runs - from) });
  return list;
}

export function runTask(task: Task): TaskResult {
  const { kind, name, seed, from, count } = task;
  const randoms = Array.from({ length: count }, (_, i) => randomOfRun(seed, name, from + i));
  const result = { task, crossover: [], baseline: [], yardstick: [] };
  if (kind === 'yardstick') {
    const yardstick = known(yardstickByName, name);
    return { ...result, yardstick: randoms.map((random) => yardstick.run(random)) };
  }
  const scenario = known(scenarioByName, name);
  if (kind === 'crossover')
    return { ...result, crossover: randoms.map((random) => simulate(scenario, random)) };
  return { ...result, baseline: randoms.map((random) => simulateBaseline(scenario, kind, random)) };
}

function known<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new Error(`invariant broken: no scenario is called ${name}`);
  return value;
}
