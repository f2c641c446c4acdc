// This checkout against another proxy, round by round: measurements of one round were taken right after each
// other, so that what the machine did meanwhile is in both, and in their ratio hardly at all.
import { benchCases } from './cases.ts';
import { markdownTable } from './markdown-table.ts';
import type { Measurement } from './measure.ts';
import type { CaseName } from './options.ts';
import type { Rounds } from './rounds.ts';
import { type Interval, median, medianInterval } from './statistics.ts';

/** The median ratio of a version that is called not slower than another. */
const slowdownMax = 1.02;

type Verdict = 'not slower' | 'slower' | 'undecided' | 'too few rounds';

interface Comparison {
  readonly case: CaseName;
  readonly figure: string;
  /** Rounds in which both have the figure. */
  readonly rounds: number;
  /** The median over the rounds of ours divided by theirs. */
  readonly ratio: number;
  /** Holds the median ratio with 95 %; null for too few rounds. */
  readonly interval: Interval | null;
  readonly verdict: Verdict;
}

interface ComparedFigure {
  readonly title: string;
  readonly value: (measured: Measurement) => number | null;
}

const cpu: ComparedFigure = { title: 'CPU per request', value: (one) => one.cpuUs };
const p99: ComparedFigure = { title: 'p99', value: (one) => one.p99Us };
const idleBytes: ComparedFigure = { title: 'bytes per connection', value: (one) => one.idleConnectionBytes };

const resident: ComparedFigure = { title: 'RSS', value: (one) => one.residentBytes };

const figuresOf = {
  load: [cpu],
  half: [cpu, p99],
  idle: [idleBytes],
  memory: [resident],
} as const;

/** How `own` stands to `other`, case by case; of every figure less is better. */
export function compareRounds(rounds: Rounds, own: string, other: string): Comparison[] {
  return [...rounds].flatMap(([name, byProxy]) =>
    figuresOf[benchCases[name].kind].flatMap(({ title, value }) => {
      const ratios = ratiosOf(byProxy.get(own) ?? [], byProxy.get(other) ?? [], value);
      const ratio = median(ratios);
      if (ratio === null) return [];
      const interval = medianInterval(ratios);
      const verdict = verdictOf(ratio, interval);
      return [{ case: name, figure: title, rounds: ratios.length, ratio, interval, verdict }];
    }),
  );
}

function ratiosOf(
  own: readonly Measurement[],
  other: readonly Measurement[],
  value: (measured: Measurement) => number | null,
): number[] {
  return own.flatMap((measured, round) => {
    const pair = other[round];
    const [ours, theirs] = [value(measured), pair === undefined ? null : value(pair)];
    return ours === null || theirs === null || theirs === 0 ? [] : [ours / theirs];
  });
}

/** Not slower: the interval holds 1 or lies below it, and the median is at most 1.02. */
export function verdictOf(ratio: number, interval: Interval | null): Verdict {
  if (interval === null) return 'too few rounds';
  if (interval.low > 1) return 'slower';
  return ratio <= slowdownMax ? 'not slower' : 'undecided';
}

/**
 * The comparison as Markdown, with its verdicts when `other` is a version of our own; empty when nothing was
 * measured of both.
 */
export function comparisonTable(rounds: Rounds, own: string, other: string, hasVerdict: boolean): string {
  const compared = compareRounds(rounds, own, other);
  if (compared.length === 0) return '';
  const rows = compared.map((one) => [
    `${benchCases[one.case].title}: ${one.figure}`,
    one.ratio.toFixed(3),
    one.interval === null ? '' : `${one.interval.low.toFixed(3)} to ${one.interval.high.toFixed(3)}`,
    String(one.rounds),
    ...(hasVerdict ? [one.verdict] : []),
  ]);
  const head = ['', `ratio to ${other}`, '95 % interval', 'rounds', ...(hasVerdict ? [''] : [])];
  return `### ${own} and ${other}, round by round\n\n${markdownTable(head, rows)}`;
}
