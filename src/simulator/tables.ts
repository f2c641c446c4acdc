// The figures of a simulation as tables of texts, for the terminal and for Markdown.
import { type BaselineName, baselineNames } from './baselines.ts';
import { countOf, quantileOf, type Results } from './results.ts';
import type { Scenario } from './scenario.ts';
import { figuresOf, percent, rounded, targets } from './targets.ts';

export interface Table {
  readonly title: string;
  /** What the figures are. */
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const middleAndTail = (values: readonly number[]): string =>
  `${rounded(quantileOf(values, 0.5))} / ${rounded(quantileOf(values, 0.95))}`;

const shareText = (hits: number, runs: number): string => (runs === 0 ? '' : percent(hits / runs));

/** Shares of runs in which a baseline reverted and promoted. */
function courseOf(results: Results, name: string, baseline: BaselineName): string {
  const runs = results.baseline(name, baseline);
  if (runs.length === 0) return '';
  const share = (end: string): string =>
    shareText(
      countOf(runs, (run) => run.end === end),
      runs.length,
    );
  return `${share('reverted')} / ${share('promoted')}`;
}

/** The table of rollouts in which Y is as good as X. */
export function cleanTable(title: string, scenarios: readonly Scenario[], results: Results): Table {
  const rows = scenarios.flatMap(({ name, title: what }) => {
    const runs = results.runs(name);
    if (runs.length === 0) return [];
    const promoted = countOf(runs, ({ promotedAfterSeconds }) => promotedAfterSeconds !== null);
    return [
      [
        what,
        String(runs.length),
        String(countOf(runs, ({ end }) => end === 'reverted')),
        promoted === 0 ? '' : shareText(promoted, runs.length),
        promoted === 0 ? '' : middleAndTail(figuresOf(runs, 'promotedAfterSeconds')),
        ...baselineNames.map((baseline) => courseOf(results, name, baseline)),
      ],
    ];
  });
  return {
    title,
    note: 'Y is as good as X. Runs, how many of them were reverted, share that got to full weight, and seconds until then (median / p95). Baselines: reverted / promoted.',
    head: ['traffic', 'runs', 'reverted', 'promoted', 'seconds', ...baselineNames],
    rows,
  };
}

function foundBy(results: Results, name: string, baseline: BaselineName): string {
  const runs = results.baseline(name, baseline);
  if (runs.length === 0) return '';
  const early = countOf(runs, ({ end, seconds }) => end === 'reverted' && seconds <= 0);
  if (early > runs.length / 2) return `${shareText(early, runs.length)} too early`;
  const found = runs.filter(({ end, seconds }) => end === 'reverted' && seconds > 0);
  if (found.length === 0) return '-';
  const seconds = `${rounded(
    quantileOf(
      found.map((run) => run.seconds),
      0.5,
    ),
  )} s`;
  return found.length === runs.length ? seconds : `${shareText(found.length, runs.length)}: ${seconds}`;
}

/** The table of regressions at a fixed weight. */
export function foundTable(title: string, scenarios: readonly Scenario[], results: Results): Table {
  const rows = scenarios.flatMap(({ name, title: what }) => {
    const runs = results.runs(name);
    if (runs.length === 0) return [];
    const found = countOf(runs, ({ end, seconds }) => end === 'reverted' && seconds > 0);
    const ideal = results.yardstick(name.replace('found/', 'ideal/'));
    const samples = figuresOf(runs, 'requestsY');
    return [
      [
        what,
        String(runs.length),
        shareText(found, runs.length),
        middleAndTail(figuresOf(runs, 'seconds')),
        middleAndTail(samples),
        ideal.length === 0 ? '' : middleAndTail(ideal),
        ideal.length === 0 ? '' : rounded(quantileOf(samples, 0.5) / quantileOf(ideal, 0.5)),
        commonCause(runs.map(({ cause }) => cause)),
        ...baselineNames.map((baseline) => foundBy(results, name, baseline)),
      ],
    ];
  });
  return {
    title,
    note: '10 % on Y at 1,000 requests/s unless said otherwise; from the onset. Seconds and requests on Y until the revert (median / p95), what the ideal test needs that is told both distributions, and the ratio of the medians. Baselines: share that found it, if not all, and median seconds.',
    head: [
      'regression',
      'runs',
      'found',
      'seconds',
      'requests on Y',
      'ideal',
      'ratio',
      'cause',
      ...baselineNames,
    ],
    rows,
  };
}

function commonCause(causes: readonly (string | null)[]): string {
  const counts = new Map<string, number>();
  for (const cause of causes) if (cause !== null) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

function worseBy(results: Results, name: string, baseline: BaselineName): string {
  const runs = results.baseline(name, baseline);
  if (runs.length === 0) return '';
  const promoted = shareText(
    countOf(runs, ({ end }) => end === 'promoted'),
    runs.length,
  );
  return `${promoted} / ${rounded(
    quantileOf(
      runs.map(({ extraFailures }) => extraFailures),
      0.5,
    ),
  )}`;
}

/** The table of whole rollouts in which Y is worse. */
export function worseTable(title: string, scenarios: readonly Scenario[], results: Results): Table {
  const rows = scenarios.flatMap(({ name, title: what }) => {
    const runs = results.runs(name);
    if (runs.length === 0) return [];
    return [
      [
        what,
        String(runs.length),
        shareText(
          countOf(runs, ({ end }) => end === 'reverted'),
          runs.length,
        ),
        String(countOf(runs, ({ promotedAfterSeconds }) => promotedAfterSeconds !== null)),
        middleAndTail(figuresOf(runs, 'seconds')),
        percent(
          quantileOf(
            runs.map(({ weightPpm }) => weightPpm / 1e6),
            0.5,
          ),
        ),
        middleAndTail(figuresOf(runs, 'extraFailures')),
        commonCause(runs.map(({ cause }) => cause)),
        ...baselineNames.map((baseline) => worseBy(results, name, baseline)),
      ],
    ];
  });
  return {
    title,
    note: 'Y is worse from its first request. Share reverted, number wrongly brought to full weight, seconds (median / p95) and weight (median) at the revert, requests that failed beyond those that would have on X (median / p95). Baselines: promoted / median extra failures.',
    head: [
      'regression',
      'runs',
      'reverted',
      'promoted',
      'seconds',
      'at weight',
      'extra failures',
      'cause',
      ...baselineNames,
    ],
    rows,
  };
}

/** The table of all targets with what was measured. */
export function targetTable(results: Results): Table & { readonly missedCount: number } {
  const rows: string[][] = [];
  let missedCount = 0;
  for (const target of targets) {
    const measured = target.measure(results);
    if (measured === null) continue;
    if (!measured.kept) missedCount++;
    rows.push([target.name, target.bound, measured.figure, measured.kept ? 'kept' : 'MISSED']);
  }
  return {
    title: 'Targets',
    note: 'What the decisions must achieve. Times count from the onset.',
    head: ['target', 'bound', 'measured', ''],
    rows,
    missedCount,
  };
}

/** A table in Markdown, with its heading. */
export function markdownTable({ title, note, head, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
  return [`## ${title}`, '', note, '', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join(
    '\n',
  );
}
