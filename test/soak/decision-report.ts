// The decision figures as tables: each with its target, median and worst of all runs, and whether the worst
// kept it.
import { breakerFailuresInARow } from '#src/limits.ts';
import type { BreakerTrace } from '../support/breaker-trace.ts';
import type { Condition, Run, Tally } from './decision-conditions.ts';

export interface DecisionFigure {
  readonly name: string;
  /** One per run, or per worker and run. */
  readonly values: readonly number[];
  readonly atMost: number;
  readonly unit: string;
}

export interface Measured {
  readonly condition: Condition;
  readonly runs: readonly Run[];
}

/** What is promised, whatever the code's limit says. */
const breakerFailuresMax = 20;

export function isMet({ values, atMost }: DecisionFigure): boolean {
  return values.every((value) => value <= atMost);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

const show = (value: number, unit: string): string => {
  if (value === Number.POSITIVE_INFINITY) return 'never';
  const text = Number.isInteger(value) ? String(value) : value.toFixed(2);
  return unit === '' ? text : `${text} ${unit}`;
};

/** Every figure that a condition's runs are held to. */
export function figuresOf({ condition, runs }: Measured): DecisionFigure[] {
  const { title, secondsMax } = condition;
  const count = (name: string, value: (run: Run) => number): DecisionFigure => ({
    name: `${title}: ${name}`,
    values: runs.map(value),
    atMost: 0,
    unit: '',
  });
  return [
    secondsMax === null
      ? count('reverts', ({ revert }) => (revert === null ? 0 : 1))
      : {
          name: `${title}: reverted after`,
          values: runs.map(({ seconds }) => seconds),
          atMost: secondsMax,
          unit: 's',
        },
    ...(condition.isTotal ? [breakerFigure(title, runs)] : []),
    count('GETs that clients saw fail for Y', ({ tally }) => tally.getFailures),
    count('POSTs delivered twice', ({ tally }) => tally.postsDeliveredTwice),
    count('sent to Y after the revert', ({ tally }) => tally.sentToYAfterRevert),
    count('reverted while Y was well', ({ revertedBeforeOnset }) => (revertedBeforeOnset ? 1 : 0)),
  ];
}

/**
 * A worker whose breaker stayed closed has no bound. What was under way when it opened could not be held back
 * any more.
 */
const failuresUntilOpen = ({ failuresInARow, underWay, isOpen }: BreakerTrace): number =>
  isOpen
    ? Math.max(Math.min(failuresInARow, breakerFailuresInARow), failuresInARow - underWay)
    : Number.POSITIVE_INFINITY;

const breakerFigure = (title: string, runs: readonly Run[]): DecisionFigure => ({
  name: `${title}: failures in a row on Y until a worker's breaker opened`,
  values: runs.flatMap(({ breakers }) => breakers.map(failuresUntilOpen)),
  atMost: breakerFailuresMax,
  unit: '',
});

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

export function figureTable(figures: readonly DecisionFigure[]): string[] {
  return [
    row(['figure', 'target', 'median', 'worst', 'of', '']),
    row(['---', '---', '---', '---', '---', '---']),
    ...figures.map((figure) => {
      const { name, values, atMost, unit } = figure;
      return row([
        name,
        `&lt;= ${show(atMost, unit)}`,
        show(median(values), unit),
        show(Math.max(...values), unit),
        values.length,
        isMet(figure) ? 'met' : 'MISSED',
      ]);
    }),
  ];
}

/** Sums over a condition's runs. */
export function tallyTable(measured: readonly Measured[]): string[] {
  return [
    row(['condition', 'requests', 'reached Y', 'replayed on X', 'POSTs seen to fail on Y', 'seconds', 'why']),
    row(['---', '---', '---', '---', '---', '---', '---']),
    ...measured.map(({ condition, runs }) => {
      const sum = (of: (tally: Tally) => number) => runs.reduce((total, { tally }) => total + of(tally), 0);
      return row([
        condition.title,
        sum(({ sent }) => sent),
        sum(({ onY }) => onY),
        sum(({ replayed }) => replayed),
        sum(({ postFailures }) => postFailures),
        runs.map(({ seconds }) => show(seconds, '')).join(', '),
        causesOf(runs),
      ]);
    }),
  ];
}

const causesOf = (runs: readonly Run[]): string =>
  [...new Set(runs.map(({ revert }) => revert?.text ?? 'not reverted'))].join('<br>');
