// The outcomes of a simulation by scenario, and the statistics that tables and targets need.
import type { BaselineOutcome } from './baseline-simulation.ts';
import type { BaselineName } from './baselines.ts';
import type { RunOutcome } from './simulation.ts';
import type { TaskResult } from './tasks.ts';

export class Results {
  readonly #runs = new Map<string, RunOutcome[]>();
  readonly #baselines = new Map<string, BaselineOutcome[]>();
  readonly #yardsticks = new Map<string, number[]>();

  add({ task, crossover, baseline, yardstick }: TaskResult): void {
    if (task.kind === 'crossover') append(this.#runs, task.name, crossover);
    else if (task.kind === 'yardstick') append(this.#yardsticks, task.name, yardstick);
    else append(this.#baselines, `${task.kind} ${task.name}`, baseline);
  }

  /** Outcomes of a scenario with Crossover's decisions; none when it was not run. */
  runs(name: string): readonly RunOutcome[] {
    return this.#runs.get(name) ?? [];
  }

  baseline(name: string, baseline: BaselineName): readonly BaselineOutcome[] {
    return this.#baselines.get(`${baseline} ${name}`) ?? [];
  }

  yardstick(name: string): readonly number[] {
    return this.#yardsticks.get(name) ?? [];
  }
}

function append<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [...values]);
  else list.push(...values);
}

/** The value at or below which the share `q` of the values is; NaN without values. */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export const countOf = <T>(values: readonly T[], holds: (value: T) => boolean): number =>
  values.filter(holds).length;

/** Upper end of the one-sided 95 % interval of a probability, from `hits` in `runs` (Clopper and Pearson). */
export function upperBound95(hits: number, runs: number): number {
  if (hits >= runs) return 1;
  let low = hits / runs;
  let high = 1;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (chanceOfAtMost(hits, runs, middle) > 0.05) low = middle;
    else high = middle;
  }
  return high;
}

function chanceOfAtMost(hits: number, runs: number, p: number): number {
  let term = (1 - p) ** runs;
  let sum = term;
  for (let k = 1; k <= hits; k++) {
    term *= ((runs - k + 1) / k) * (p / (1 - p));
    sum += term;
  }
  return sum;
}
