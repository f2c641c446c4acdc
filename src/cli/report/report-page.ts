// A rollout as one HTML page. It loads nothing from the network and has no script, so that it can be kept and
// passed on.
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import { count, duration, percent, weight } from '#src/terminal/figures.ts';
import { configSection } from './config-section.ts';
import { courseSection } from './course-section.ts';
import { moveOf } from './decided.ts';
import { evidenceSection } from './evidence-section.ts';
import { type Html, html, type Piece, trusted } from './html.ts';
import { reportStyle } from './report-style.ts';
import { sentence } from './sentence.ts';
import { decisionsSection, signalsSection, timelineSection } from './timeline-section.ts';
import { dateTime } from './times.ts';

type Names = Readonly<Record<'x' | 'y', string>>;

/** The whole page. `version` is that of the Crossover that makes the report. */
export function reportPage(record: RolloutRecord, version: string): string {
  const names = namesOf(record.config);
  const { events, plan, evidence } = record;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Crossover ${version}">
<title>Rollout to ${names.y}, ${dateTime(plan.startedAtMs)} UTC</title>
<style>${trusted(reportStyle)}</style>
</head>
<body>
<main>
${header(record, names)}
${courseSection(record, names)}
${timelineSection(events, plan.startedAtMs)}
${signalsSection(events)}
${evidenceSection(evidence)}
${decisionsSection(events)}
${configSection(record)}
${footer(record, version)}
</main>
</body>
</html>
`;
  return page.html;
}

/** The clusters' labels in the recorded configuration. */
function namesOf(config: unknown): Names {
  const clusters = (config as { clusters?: Partial<Record<'x' | 'y', { label?: unknown }>> } | null)
    ?.clusters;
  const name = (cluster: 'x' | 'y'): string => {
    const label = clusters?.[cluster]?.label;
    return typeof label === 'string' && label !== '' ? label : cluster.toUpperCase();
  };
  return { x: name('x'), y: name('y') };
}

function header(record: RolloutRecord, names: Names): Html {
  const { plan } = record;
  return html`<header>
<p class="kicker">Crossover, report of a rollout</p>
<h1><span class="x">${names.x}</span> → <span class="y">${names.y}</span></h1>
${outcome(record)}
<dl class="facts">
${fact('Started', `${dateTime(plan.startedAtMs)} UTC`)}
${fact('By', plan.startedBy)}
${plan.reason === '' ? null : fact('Why', plan.reason)}
${timeFacts(record)}
${fact('Most on Y', weight(Math.max(0, ...record.events.map((event) => moveOf(event)?.to ?? 0))))}
${trafficFacts(record, names)}
</dl>
</header>`;
}

const fact = (name: string, text: string): Html => html`<div><dt>${name}</dt><dd>${text}</dd></div>
`;

function outcome({ state, events }: RolloutRecord): Html {
  const { phase } = state;
  if (phase === 'completed')
    return html`<div class="outcome good"><strong>Completed</strong><p>${onY(state)}</p></div>`;
  if (phase === 'reverted')
    return html`<div class="outcome bad"><strong>Reverted</strong> from ${weight(state.fromWeightPpm / 10_000)} on Y<p>${sentence(state.cause.text)}</p></div>`;
  const last = events.findLast((event) => moveOf(event) !== null);
  if (phase === 'idle')
    return html`<div class="outcome bad"><strong>Not started</strong><p>${last?.text ?? ''}</p></div>`;
  return html`<div class="outcome"><strong>Not over yet</strong>: ${phase}, ${weight(state.weightPpm / 10_000)} on Y<p>${last?.text ?? ''}</p></div>`;
}

function onY({ parked = [] }: RolloutRecord['state']): string {
  if (parked.length === 0) return 'Everything is on Y.';
  return `Everything is on Y but what is parked on X: ${parked.map(({ name }) => name).join(', ')}.`;
}

function timeFacts({ plan, state, events }: RolloutRecord): Piece {
  const last = events.findLast((event) => moveOf(event) !== null);
  const isOver = state.phase === 'completed' || state.phase === 'reverted' || state.phase === 'idle';
  if (!isOver || last === undefined) return null;
  const tookMs = last.atMs - plan.startedAtMs;
  return [
    fact('Ended', `${dateTime(last.atMs)} UTC`),
    tookMs < 0 ? null : fact('Took', duration(tookMs / 1000)),
    fact('Ended by', last.actor),
  ];
}

function trafficFacts({ course }: RolloutRecord, names: Names): Piece {
  if (course.length === 0) return null;
  return (['x', 'y'] as const).map((arm) => {
    const requests = course.reduce((sum, point) => sum + point[arm].requests, 0);
    const failures = course.reduce((sum, point) => sum + point[arm].failures, 0);
    const failed = requests === 0 ? '' : `, ${count(failures)} failed (${percent(failures / requests)})`;
    return fact(`On ${names[arm]}`, `${count(requests)} requests${failed}`);
  });
}

function footer({ plan, events, atMs, recordEnd }: RolloutRecord, version: string): Html {
  const [first, last] = [events[0]?.id ?? 0, events.at(-1)?.id ?? 0];
  return html`<footer>
<p>Rollout <code>${plan.id}</code>, events ${first} to ${last}. Made by Crossover ${version} on ${dateTime(atMs)} UTC.</p>
<p>The record then ended with <code>${recordEnd}</code>. While nothing is added, <code>crossover events --verify</code> prints the same hash, and the record is the one that this report shows.</p>
</footer>`;
}
