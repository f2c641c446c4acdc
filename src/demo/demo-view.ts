// The demo as text: a page for a terminal, a line for elsewhere, and the summary at the end.

import type { StatusView } from '#src/control-plane/status/status.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { eventLines } from '#src/terminal/event-view.ts';
import { count, duration, latency, percent, perSecond, timeOfDay, weight } from '#src/terminal/figures.ts';
import { advanceShare, phaseText, revertShare, statusLines } from '#src/terminal/status-view.ts';
import { alignRows, createStyle, type Style, wrap } from '#src/terminal/style.ts';
import { usualErrorShare } from './kong-cluster.ts';
import type { TrafficCounts } from './traffic-messages.ts';

/** What the demo knows at a moment. */
export interface DemoPicture {
  readonly fault: string;
  readonly proxyUrl: string;
  readonly controlUrl: string;
  readonly elapsedSeconds: number;
  readonly status: StatusView;
  readonly traffic: TrafficCounts;
  readonly events: readonly RecordedEvent[];
  /** The faults that the demo has started on Y, with their times. */
  readonly faultLines: readonly string[];
  /** How the rollout ended; null while it runs. */
  readonly ended: 'completed' | 'reverted' | null;
}

/**
 * The page, with at most `rows` lines of `columns`. When there is too little room, old events are left out
 * first.
 */
export function demoPage(picture: DemoPicture, columns: number, rows: number, color: boolean): string[] {
  const style = createStyle(color);
  const top = [
    ...headingLines(picture, style),
    '',
    ...statusLines(picture.status, { style, columns }),
    '',
    `${style.dim('Clients'.padEnd(13))}${trafficText(picture.traffic)}`,
    ...picture.faultLines.map((line) => style.warn(`${'Fault'.padEnd(13)}${line}`)),
    '',
    style.dim('Events'),
  ];
  const bottom = ['', style.dim(hint(picture))];
  const room = Math.max(0, rows - top.length - bottom.length);
  const events = room === 0 ? [] : eventLines(picture.events.slice(-room), style, columns);
  return [...top, ...events, ...bottom];
}

function headingLines(picture: DemoPicture, style: Style): string[] {
  const { fault, elapsedSeconds, status } = picture;
  return [
    `${style.bold(`Crossover ${status.version} demo`)}  ${style.dim(`fault: ${fault}, running for ${duration(elapsedSeconds)}`)}`,
    style.dim(addressLine(picture)),
  ];
}

/** Where to find what runs. */
export const addressLine = ({ proxyUrl, controlUrl }: DemoPicture): string =>
  `Proxy ${proxyUrl}   Control API ${controlUrl}`;

const hint = ({ ended }: DemoPicture): string =>
  ended === null
    ? 'Ctrl-C ends the demo.'
    : 'The rollout has ended; traffic goes on. Try `crossover rollout start`. Ctrl-C ends the demo.';

/** What the clients got, in one line. */
function trafficText(traffic: TrafficCounts): string {
  const { sent, failed, serverErrors, latencyMsP50, latencyMsP99 } = traffic;
  const lost = failed + serverErrors;
  const share = sent === 0 ? '' : ` (${percent(lost / sent)})`;
  return `${count(sent)} requests, ${count(lost)} failed${share}; p50 ${latency(latencyMsP50)}, p99 ${latency(latencyMsP99)}`;
}

/** The state in one line, for output that cannot be redrawn. */
export function demoLine(picture: DemoPicture): string {
  const { status, traffic } = picture;
  const { verdict } = status;
  const evidence = verdict === null ? '' : ` | ${evidenceText(verdict)}`;
  const clusters = (['x', 'y'] as const).map((name) => clusterText(status, name)).join(' | ');
  return `${timeOfDay(Date.now())}  ${phaseText(status, createStyle(false))} | ${clusters}${evidence} | clients ${trafficText(traffic)}`;
}

function evidenceText(verdict: NonNullable<StatusView['verdict']>): string {
  const advance = advanceShare(verdict);
  const toAdvance = advance === null ? '' : `, to advance ${clipped(advance)}`;
  return `evidence to revert ${clipped(revertShare(verdict))}${toAdvance}`;
}

const clipped = (share: number): string => `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;

function clusterText(status: StatusView, name: 'x' | 'y'): string {
  const { requestsPerSecond, errorRate, p99Ms } = status.clusters[name];
  const errors = errorRate === null ? '' : `, ${percent(errorRate)} errors`;
  const slow = p99Ms === null ? '' : `, p99 ${latency(p99Ms)}`;
  return `${name.toUpperCase()} ${perSecond(requestsPerSecond)}${errors}${slow}`;
}

export interface DemoEnd {
  readonly ended: 'completed' | 'reverted' | null;
  /** How long the rollout took; null when it did not end. */
  readonly endedAfterSeconds: number | null;
  /** Text of the event with which the rollout ended; null when it did not end. */
  readonly endText: string | null;
  readonly status: StatusView;
  readonly steps: readonly { readonly percent: number; readonly seconds: number }[];
  readonly faultLines: readonly string[];
  readonly traffic: TrafficCounts;
  readonly failovers: number;
  readonly cutExchanges: number;
  readonly errors: readonly string[];
  readonly proxyUrl: string;
  readonly controlUrl: string;
}

/** The summary: what happened, why, and how many requests of clients failed. */
export function demoSummary(end: DemoEnd, columns: number, color: boolean): string[] {
  const style = createStyle(color);
  const rows: [string, string][] = [
    ...end.faultLines.map((line): [string, string] => ['Fault', line]),
    ...(end.steps.length === 0 ? [] : [['Steps', stepsText(end.steps)] as [string, string]]),
    ...(whyText(end) === '' ? [] : [['Why', whyText(end)] as [string, string]]),
    ['Clients', clientsText(end.traffic)],
    ['Failed', failedText(end.traffic)],
    ...(end.failovers > 0 ? [['Saved', savedText(end.failovers)] as [string, string]] : []),
    ...(end.cutExchanges > 0 ? [['Cut', `${end.cutExchanges} requests at the end`] as [string, string]] : []),
    ...end.errors.map((line): [string, string] => ['Log', line]),
    ['Was at', `proxy ${end.proxyUrl}, control API ${end.controlUrl}; all stopped now`],
  ];
  const lines = rows.flatMap(([label, text]) =>
    wrap(text, Math.max(40, columns - 12)).map((line, at) => [style.dim(at === 0 ? label : ''), line]),
  );
  return [style.bold(headline(end, style)), ...alignRows(lines)];
}

function headline({ ended, endedAfterSeconds, status }: DemoEnd, style: Style): string {
  const after = endedAfterSeconds === null ? '' : ` after ${duration(endedAfterSeconds)}`;
  if (ended === 'completed') return style.good(`Y got everything${after}.`);
  if (ended === 'reverted') return style.bad(`Y was reverted${after}: everything is on X again.`);
  return `The demo was ended with ${weight(status.split.y)} on Y.`;
}

const stepsText = (steps: DemoEnd['steps']): string =>
  steps.map((step) => `${weight(step.percent)} for ${duration(step.seconds)}`).join(', ');

const busyAdvice = 'This machine may be too busy: try a lower --rate.';

/**
 * Why it ended so: a revert's cause, the record's text about a completion, or what an unfinished rollout
 * waited for.
 */
function whyText({ ended, endText, status }: DemoEnd): string {
  if (ended === null) return status.hold?.text ?? (endText === null ? '' : `${endText}. ${busyAdvice}`);
  return (ended === 'reverted' ? status.rollout.cause?.text : null) ?? endText ?? '';
}

function clientsText({ sent, successes, clientErrors, latencyMsP50, latencyMsP99 }: TrafficCounts): string {
  const served = `${count(successes)} served, ${count(clientErrors)} refused with 4xx as sent`;
  return `${count(sent)} requests: ${served}; p50 ${latency(latencyMsP50)}, p99 ${latency(latencyMsP99)}`;
}

function failedText({ sent, failed, serverErrors }: TrafficCounts): string {
  const share = sent === 0 ? '' : ` (${percent((failed + serverErrors) / sent)} of all`;
  const usual =
    sent === 0 ? '' : `; the services behind both clusters always fail ${percent(usualErrorShare)})`;
  return `${count(serverErrors)} answers with 5xx, ${count(failed)} without an answer${share}${usual}`;
}

const savedText = (failovers: number): string =>
  `${count(failovers)} ${failovers === 1 ? 'request' : 'requests'} that failed on Y were answered by X; no client noticed`;
