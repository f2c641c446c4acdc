// The status as text, for `crossover status` and the demo: the split, how both clusters do, and the evidence
// for and against Y.

import type { ClusterView, StatusView } from '#src/control-plane/status/status.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { formatRange, makersText } from '#src/core/analysis/verdict-text.ts';
import { weakestProof } from '#src/core/analysis/weakest-proof.ts';
import type { Span } from '#src/core/rollout/forecast.ts';
import { count, duration, latency, percent, perSecond, weight } from './figures.ts';
import { alignRows, bar, type Style, wrap } from './style.ts';

interface ViewOptions {
  readonly style: Style;
  /** Columns of the terminal. */
  readonly columns: number;
  /** What the requests have in common that were kept at the revert; null or absent where nothing is known. */
  readonly revertedRequests?: string | null;
}

/** Columns of the labels on the left. */
const labelColumns = 11;
const barColumnsMax = 40;
const evidenceColumns = 24;
/** A hold that lasts for less is the usual course of a step. */
const heldSecondsMin = 60;

/** All lines, without the program's heading. */
export function statusLines(status: StatusView, options: ViewOptions): string[] {
  const { style } = options;
  const blocks = [
    [
      ...labelled('Rollout', [phaseText(status, style)], style),
      ...labelled('', whyLines(status, options), style),
      ...labelled('Forecast', forecastLines(status), style),
    ],
    labelled('Split', [splitBar(status, options)], style),
    [...clusterTable(status, style), ...labelled('Errors', makersLines(status.verdict), style)],
    evidenceLines(status, options),
    labelled('Trouble', troubles(status), style).map(style.warn),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .flatMap((lines, at) => (at === 0 ? lines : ['', ...lines]));
}

/** `ramping, step 3 of 6 at 10 %`. */
export function phaseText(status: StatusView, style: Style): string {
  const { phase, step, split } = status;
  const at = `${weight(split.y)} on Y`;
  switch (phase) {
    case 'idle':
      return `${style.bold('idle')}, ${at}`;
    case 'completed':
      return `${style.good(style.bold(phase))}, ${at}`;
    case 'reverted':
      return `${style.bad(style.bold(phase))}, ${at}`;
    default:
      return `${style.bold(phase)}${stepText(step)}, ${at}`;
  }
}

const stepText = (step: StatusView['step']): string =>
  step === null ? '' : `, step ${step.index + 1} of ${step.count}`;

/** Why the rollout does not go on: why it holds, why it was reverted, or what to do next. */
function whyLines(status: StatusView, { columns, revertedRequests = null }: ViewOptions): string[] {
  const why = whyText(status);
  const text = why === null || revertedRequests === null ? why : `${why}; ${revertedRequests}`;
  return text === null ? [] : wrap(text, Math.max(40, columns - labelColumns - 2));
}

export function whyText(status: StatusView): string | null {
  const { phase, hold, rollout } = status;
  if (phase === 'reverted') return rollout.cause?.text ?? null;
  if (phase === 'idle') return idleText(status);
  if (phase === 'paused') return 'Paused. Go on with `crossover rollout resume`.';
  if (phase === 'preflight')
    return hold === null ? 'Checking whether a rollout may start.' : `Waits to start: ${hold.text}`;
  if (phase === 'completed') return completedText(status);
  if (hold !== null) return `${hold.text}${heldText(status.heldSeconds)}`;
  if (phase !== 'soaking' || rollout.soakMs === null) return null;
  const soak = duration(rollout.soakMs / 1000);
  return `Y has all but a holdback of ${weight(status.split.x)}, for ${soak}; the rollout completes unless something speaks against Y.`;
}

/** When the step and all of the rollout will be over. */
function forecastLines({ forecast, phase }: StatusView): string[] {
  if (forecast === null) return [];
  const { step, rollout } = forecast;
  if (step === null) return ['none for as long as this holds it'];
  if (phase === 'soaking') return [`completed in ${spanText(step)}`];
  const whole = rollout === null ? '' : `, completed in ${spanText(rollout)}`;
  return [`next step in ${spanText(step)}${whole}, if the rates stay as they are`];
}

const spanText = ({ fromSeconds, toSeconds }: Span): string => formatRange(fromSeconds, toSeconds);

/** For how long it has been so, once that is long. */
const heldText = (seconds: number | null): string =>
  seconds === null || seconds < heldSecondsMin ? '' : ` (for ${duration(seconds)})`;

function idleText({ split, rollout: { failedStart } }: StatusView): string {
  if (split.y > 0)
    return 'No rollout runs; the split was set by hand, so nothing compares Y with X or goes back by itself. A rollout can start from 0 %: `crossover split set 0`.';
  if (failedStart !== null) return `The last rollout was not started, its checks failed: ${failedStart.text}`;
  return 'No rollout runs. Start one with `crossover rollout start`.';
}

function completedText(status: StatusView): string {
  const { parked } = status.rollout;
  const lost = whyYLacksItsShare(status);
  if (lost !== null) return `Y's share goes to X at the moment: ${lost}. X must not be taken down.`;
  const { answersPerSecond } = status.clusters.x;
  if (parked.length === 0 && answersPerSecond > 0)
    return `Everything else is on Y, but X still answers ${perSecond(answersPerSecond)}, which rules or headers send there. X must not be taken down.`;
  if (parked.length === 0) return 'Everything is on Y. X may be taken down once nothing else uses it.';
  return 'Everything else is on Y. X is still needed for what is parked there.';
}

/** Why Y does not get all of its share; null when it does. */
function whyYLacksItsShare({ workers, clusters }: StatusView): string | null {
  const alive = workers.filter((worker) => worker.alive);
  const open = alive.filter((worker) => worker.breaker !== 'closed').length;
  if (open > 0) return `its breaker is open in ${open} of ${alive.length} workers`;
  return clusters.y.nodes.some(isGood) ? null : 'it has no healthy node';
}

function splitBar(status: StatusView, { style, columns }: ViewOptions): string {
  const { split, clusters } = status;
  const left = `X ${clusters.x.label} ${weight(split.x)}`;
  const right = `${weight(split.y)} ${clusters.y.label} Y`;
  const room = columns - labelColumns - left.length - right.length - 6;
  const cells = Math.max(10, Math.min(barColumnsMax, room));
  // A share above zero has at least one cell, so that 1 % does not look like 0 %.
  const share = split.y > 0 ? Math.max(split.y / 100, 1 / cells) : 0;
  const yCells = Math.round(Math.min(1, share) * cells);
  const cellsOf = (count: number, glyph: string) => glyph.repeat(count);
  return `${style.x(left)}  ${style.x(cellsOf(cells - yCells, '░'))}${style.y(cellsOf(yCells, '█'))}  ${style.y(right)}`;
}

function clusterTable(status: StatusView, style: Style): string[] {
  // `Requests` are those that are compared. When Y's share goes to X, the answers of each cluster are shown
  // as well.
  const withAnswers = status.split.y > 0 && whyYLacksItsShare(status) !== null;
  const titles = [
    '',
    'Share',
    'Requests',
    ...(withAnswers ? ['Answers'] : []),
    'Errors',
    'p50',
    'p99',
    'Nodes',
  ];
  const rows = (['x', 'y'] as const).map((name) => clusterRow(status, name, withAnswers, style));
  return alignRows(
    [titles.map((title) => style.dim(title)), ...rows],
    withAnswers ? [1, 2, 3, 4, 5, 6] : [1, 2, 3, 4, 5],
  );
}

/** Who made the errors in the table, where services made some of them. */
function makersLines(verdict: Verdict | null): string[] {
  if (verdict?.failureMakers === undefined) return [];
  const { attribution, last60s } = verdict.failureMakers;
  return (['x', 'y'] as const).flatMap((arm) => {
    const text = makersText(last60s[arm], attribution);
    return text === null ? [] : [`${arm.toUpperCase()} had ${text}, in the last minute`];
  });
}

function clusterRow(status: StatusView, name: 'x' | 'y', withAnswers: boolean, style: Style): string[] {
  const { label, requestsPerSecond, answersPerSecond, errorRate, p50Ms, p99Ms, nodes } =
    status.clusters[name];
  const orNone = (value: number | null, show: (value: number) => string) =>
    value === null ? '-' : show(value);
  return [
    style[name](`${name.toUpperCase()} ${label}`.padEnd(labelColumns)),
    weight(status.split[name]),
    perSecond(requestsPerSecond),
    ...(withAnswers ? [perSecond(answersPerSecond)] : []),
    orNone(errorRate, percent),
    orNone(p50Ms, latency),
    orNone(p99Ms, latency),
    nodesText(nodes, style),
  ];
}

const isGood = (node: ClusterView['nodes'][number]): boolean => node.healthy !== false && !node.ejected;

function nodesText(nodes: ClusterView['nodes'], style: Style): string {
  const good = nodes.filter(isGood).length;
  const text = `${good} of ${nodes.length} healthy`;
  const ejected = nodes.filter((node) => node.ejected).length;
  const draining = nodes.filter((node) => node.draining).length;
  const notes = [ejected > 0 ? `${ejected} ejected` : '', draining > 0 ? `${draining} draining` : ''];
  const full = [text, ...notes.filter((note) => note !== '')].join(', ');
  return good === nodes.length ? full : style.bad(full);
}

/** The evidence to revert and to advance, each as a bar that is full when it suffices. */
function evidenceLines(status: StatusView, { style, columns }: ViewOptions): string[] {
  const { verdict, phase, hold } = status;
  if (verdict === null || (phase !== 'ramping' && phase !== 'soaking' && phase !== 'paused')) return [];
  const revert = revertShare(verdict);
  // The soak asks for no further proof that Y is not worse.
  const advance = phase === 'soaking' ? null : advanceShare(verdict);
  const rows = [
    ['to revert', bar(revert, evidenceColumns, style.bad, style.dim), share(revert), causeText(verdict)],
  ];
  if (advance !== null)
    rows.push([
      'to advance',
      bar(advance, evidenceColumns, style.good, style.dim),
      share(advance),
      neededText(verdict),
    ]);
  const lines = labelled('Evidence', alignRows(rows, [2]), style);
  if (verdict.text === hold?.text) return lines;
  return [...lines, ...labelled('', wrap(verdict.text, Math.max(40, columns - labelColumns - 2)), style)];
}

const share = (value: number): string => `${Math.floor(Math.min(1, Math.max(0, value)) * 100)} %`;

/** The evidence that Y is worse, as a share of what a revert takes. */
export const revertShare = (verdict: Verdict): number => verdict.logEvidence / verdict.logEvidenceBar;

/**
 * The evidence that Y is not worse, as a share of what an advance takes, of the stream that lacks most; null
 * when none is needed.
 */
export function advanceShare(verdict: Verdict): number | null {
  const weakest = weakestProof(verdict.streams);
  return weakest === null ? null : weakest / verdict.logSafeBar;
}

function causeText({ cause, logEvidence, streams }: Verdict): string {
  if (cause === null || logEvidence <= 0) return '';
  const threshold = streams.find(({ stream }) => stream === cause)?.threshold;
  return `mostly ${cause}${threshold?.by === 'overX' ? `, by more than ${threshold.overXMs} ms` : ''}`;
}

/**
 * What the step still needs, and for which comparison. That is often not the one with the least evidence so
 * far. When it will have come is in the forecast.
 */
function neededText({ needs }: Verdict): string {
  if (needs === undefined) return '';
  const { stream, requests } = needs;
  return requests === null ? stream : `${stream}: about ${count(requests)} more requests to Y`;
}

/** What does not work now. An open breaker is named only while Y has a share. */
function troubles(status: StatusView): string[] {
  const lost = status.workers.filter((worker) => !worker.alive).length;
  const open = status.workers.filter((worker) => worker.breaker !== 'closed').length;
  const of = `of ${status.workers.length} workers`;
  return [
    frozenText(status),
    ...status.rollout.parked.map(({ text }) => `Parked on X: ${text}.`),
    ...status.suspects.map(({ client }) => `Not compared, as it is unlike all others on Y: ${client}.`),
    lost > 0 ? `${lost} ${of} are not running.` : '',
    open > 0 && status.split.y > 0 ? `The breaker of ${open} ${of} keeps traffic away from Y.` : '',
    status.store.writable ? '' : `The store cannot be written: ${status.store.problem?.text ?? 'unknown'}.`,
    unrecordedText(status.store),
  ].filter((line) => line !== '');
}

/** Changes that were made and that the store does not have: what a restart would make of them. */
function unrecordedText({ writable, unrecorded }: StatusView['store']): string {
  const { transitions = 0, isMarked = true } = unrecorded ?? {};
  // What is just being written is no news.
  if (transitions === 0 || (writable && isMarked)) return '';
  const what =
    transitions === 1
      ? 'The last change is not on record'
      : `The last ${transitions} changes are not on record`;
  if (isMarked) return `${what}; the mark beside the store has the last one, and a restart goes by that.`;
  return `${what}, nor in the mark beside the store: a restart may go back to what is.`;
}

function frozenText({ signals: { freeze } }: StatusView): string {
  if (!freeze.frozen) return '';
  const until = freeze.untilMs === null ? '' : ` until ${new Date(freeze.untilMs).toISOString()}`;
  const why = freeze.reason === null || freeze.reason === '' ? '' : `: ${freeze.reason}`;
  return `Starts and advances are frozen by ${freeze.actor ?? 'an operator'}${until}${why}.`;
}

/** The lines with a label before the first, and the others indented by as much. */
function labelled(label: string, lines: readonly string[], style: Style): string[] {
  return lines.map((line, at) => style.dim((at === 0 ? label : '').padEnd(labelColumns + 2)) + line);
}
