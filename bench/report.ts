// Turns medians into the tables that are printed and kept in RESULTS.md.
import { benchCases } from './cases.ts';
import { markdownTable } from './markdown-table.ts';
import type { Measurement } from './measure.ts';
import type { CaseName } from './options.ts';
import type { Results } from './rounds.ts';

interface Column {
  readonly title: string;
  readonly cell: (measured: Measurement, reference: Measurement | undefined) => string;
  readonly value: (measured: Measurement) => number | null;
}

const whole = (value: number | null) => (value === null ? '' : Math.round(value).toLocaleString('en'));
const tenth = (value: number | null) => (value === null ? '' : value.toFixed(1));
const percent = (value: number | null) => (value === null ? '' : `${Math.round(value * 100)} %`);
const mebibytes = (value: number | null) => (value === null ? '' : (value / 1024 / 1024).toFixed(1));

const plain = (
  title: string,
  value: (measured: Measurement) => number | null,
  format: (value: number | null) => string,
): Column => ({ title, value, cell: (measured) => format(value(measured)) });

const toReference = (
  title: string,
  value: (measured: Measurement) => number | null,
  format: (value: number | null) => string,
): Column => ({
  title,
  value,
  cell: (measured, reference) => {
    const own = value(measured);
    const theirs = reference === undefined ? null : value(reference);
    return own === null || theirs === null || theirs === 0
      ? format(own)
      : `${format(own)} (${(own / theirs).toFixed(2)})`;
  },
});

const columns: readonly Column[] = [
  toReference('requests/s', (one) => one.perSecond, whole),
  toReference('CPU µs/request', (one) => one.cpuUs, tenth),
  plain('user', (one) => one.cpuUserUs, tenth),
  plain('kernel', (one) => one.cpuKernelUs, tenth),
  toReference('p50 µs', (one) => one.p50Us, whole),
  toReference('p99 µs', (one) => one.p99Us, whole),
  toReference('bytes/connection', (one) => one.idleConnectionBytes, whole),
  plain('RSS MiB', (one) => one.residentBytes, mebibytes),
  plain('PSS MiB', (one) => one.proportionalBytes, mebibytes),
  plain('core used', (one) => one.busy, percent),
  plain('core used by others', (one) => one.foreign, percent),
  plain('errors', (one) => one.errors, whole),
];

/** One table per case as Markdown; figures in parentheses are ratios to the reference proxy. */
export function caseTables(results: Results, referenceName: string): string {
  return [...results].map(([name, byProxy]) => caseTable(name, byProxy, referenceName)).join('\n');
}

function caseTable(name: CaseName, byProxy: ReadonlyMap<string, Measurement>, referenceName: string): string {
  const reference = byProxy.get(referenceName);
  const shown = columns.filter((column) => [...byProxy.values()].some((one) => column.value(one) !== null));
  const rows = [...byProxy].map(([proxy, measured]) => [
    measured.overloaded ? `${proxy} (cannot keep this rate)` : proxy,
    ...shown.map((column) => column.cell(measured, reference)),
  ]);
  return `### ${benchCases[name].title}\n\n${markdownTable(['proxy', ...shown.map((column) => column.title)], rows)}`;
}

/** Others may use this share of the proxy's core before latencies become theirs. */
const foreignMax = 0.1;

interface Target {
  readonly title: string;
  readonly case: CaseName;
  readonly value: (measured: Measurement) => number | null;
  /** The proxy it is a ratio to; null for an absolute figure. */
  readonly reference: string | null;
  readonly atMost: number;
  readonly unit: string;
  /** Latency only means something where the rate was kept and hardly anybody else used the proxy's core. */
  readonly needsQuiet?: true;
}

const targets: readonly Target[] = [
  {
    title: 'CPU per request at 1 KB',
    case: '1k',
    value: (one) => one.cpuUs,
    reference: 'nginx',
    atMost: 1,
    unit: '× nginx',
  },
  {
    title: 'CPU per request at 100 KB',
    case: '100k',
    value: (one) => one.cpuUs,
    reference: 'nginx',
    atMost: 1,
    unit: '× nginx',
  },
  {
    title: 'CPU per request at 1 KB',
    case: '1k',
    value: (one) => one.cpuUs,
    reference: 'fastify',
    atMost: 0.4,
    unit: '× @fastify/http-proxy',
  },
  {
    title: 'CPU per request with a new connection',
    case: 'connect',
    value: (one) => one.cpuUs,
    reference: 'nginx',
    atMost: 1.05,
    unit: '× nginx',
  },
  {
    title: 'p99 at half load',
    case: 'half',
    value: (one) => one.p99Us,
    reference: 'nginx',
    atMost: 1.5,
    unit: '× nginx',
    needsQuiet: true,
  },
  {
    title: 'p99 at half load, 100 KB',
    case: 'half100k',
    value: (one) => one.p99Us,
    reference: 'nginx',
    atMost: 1.2,
    unit: '× nginx',
    needsQuiet: true,
  },
  {
    title: 'Memory of two workers after a minute of load',
    case: 'memory',
    value: (one) => (one.residentBytes === null ? null : one.residentBytes / 2 ** 20),
    reference: null,
    atMost: 150,
    unit: 'MiB RSS',
  },
  {
    title: 'Memory per idle connection',
    case: 'idle',
    value: (one) => one.idleConnectionBytes,
    reference: null,
    atMost: 4096,
    unit: 'bytes',
  },
];

/** How Crossover stands against its targets; empty when nothing comparable was measured. */
export function targetTable(results: Results): string {
  const rows = targets.flatMap((target) => {
    const own = measuredValue(results, target, 'crossover');
    const theirs = target.reference === null ? 1 : measuredValue(results, target, target.reference);
    if (own === null || theirs === null) return [];
    const ratio = own / theirs;
    const format = (value: number) => (target.reference === null ? whole(value) : value.toFixed(2));
    const verdict = reasonForNoVerdict(results, target) ?? (ratio <= target.atMost ? 'met' : 'missed');
    return [[target.title, `${format(ratio)} ${target.unit}`, `at most ${format(target.atMost)}`, verdict]];
  });
  return rows.length === 0 ? '' : `### Targets\n\n${markdownTable(['', 'Crossover', 'target', ''], rows)}`;
}

function reasonForNoVerdict(results: Results, target: Target): string | null {
  if (target.needsQuiet === undefined) return null;
  const compared = ['crossover', target.reference].flatMap((proxy) => {
    const measured = proxy === null ? undefined : results.get(target.case)?.get(proxy);
    return measured === undefined ? [] : [measured];
  });
  if (compared.some((one) => one.overloaded)) return 'no verdict: the rate was not kept';
  if (compared.some((one) => (one.foreign ?? 0) > foreignMax)) return 'no verdict: the machine was not quiet';
  return null;
}

/** What makes figures of this run doubtful; empty when nothing does. */
export function doubts(results: Results): string {
  const foreign = Math.max(
    0,
    ...[...results.values()].flatMap((byProxy) => [...byProxy.values()].map((one) => one.foreign ?? 0)),
  );
  if (foreign <= foreignMax) return '';
  return `**The machine was not quiet**: others used up to ${percent(foreign)} of the proxy's core. CPU per request and memory still mean something, throughput and latency do not.\n\n`;
}

function measuredValue(results: Results, target: Target, proxy: string): number | null {
  const measured = results.get(target.case)?.get(proxy);
  return measured === undefined ? null : target.value(measured);
}
