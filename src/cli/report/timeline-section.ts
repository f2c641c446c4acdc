// The part of a report about what happened: events with who did it and why, and decisions with their numbers.
// Events are in the order of their numbers, because the clock may have been set back between them.

import type { StreamEvidence, Verdict } from '#src/core/analysis/verdict.ts';
import { makersText, thresholdText } from '#src/core/analysis/verdict-text.ts';
import { evidenceShare } from '#src/record/evidence-share.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { count, duration, percent, weight } from '#src/terminal/figures.ts';
import { type Move, moveOf, setBackMs } from './decided.ts';
import { type Html, html, type Piece } from './html.ts';
import { sentence } from './sentence.ts';
import { dateTime } from './times.ts';

/** How many streams of a verdict are shown: those with the most evidence against Y. */
const streamsShown = 20;

/** Names of events about gates, approvals, freezes, change windows and business metrics. */
const signalNames = /^(gate|metric|freeze|frozen|thawed|window)/;

const toneOf = (name: string): string =>
  /revert|unhealthy|lost|failed|refused|violated|held|broken|unavailable/.test(name)
    ? 'bad'
    : /completed|healthy|recovered|step|soak|opened|approved/.test(name)
      ? 'good'
      : '';

const titleOf = (name: string): string => {
  const words = name === 'started' ? 'process started' : name.replace(/^rollout-/, '').replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export function timelineSection(events: readonly RecordedEvent[], startedAtMs: number): Html {
  return html`<section id="timeline"><h2>What happened</h2>
<table class="timeline"><thead><tr><th>#</th><th>Time</th><th>After</th><th>What</th><th>Who</th><th>Why</th></tr></thead>
<tbody>${events.map((event, index) => timelineRow(event, setBackMs(events, index), startedAtMs))}</tbody></table>
</section>`;
}

function timelineRow(event: RecordedEvent, setBack: number, startedAtMs: number): Piece {
  const after = event.atMs < startedAtMs ? '' : duration((event.atMs - startedAtMs) / 1000);
  const note =
    setBack === 0
      ? null
      : html`<tr class="note"><td colspan="6">The clock was set back by ${duration(setBack / 1000)} here; the order is that of the record.</td></tr>`;
  return html`${note}<tr class="${toneOf(event.name)}"><td class="id">${event.id}</td><td class="time">${dateTime(event.atMs)}</td><td class="after">${after}</td><td class="what">${titleOf(event.name)}</td><td class="who">${event.actor}</td><td class="why">${event.text}${moveText(moveOf(event))}</td></tr>
`;
}

const moveText = (move: Move | null): Piece =>
  move === null || move.from === move.to
    ? null
    : html` <span class="move">${weight(move.from)} → ${weight(move.to)}</span>`;

/** Every move that was made while there was a verdict, with that verdict. */
export function decisionsSection(events: readonly RecordedEvent[]): Piece {
  const decided = events.flatMap((event) => {
    const { verdict = null, isByVerdict = false } = moveOf(event) ?? {};
    return verdict === null ? [] : [{ event, verdict, isByVerdict }];
  });
  if (decided.length === 0) return null;
  return html`<section id="decisions"><h2>Decisions and their numbers</h2>
${decided.map(decision)}
</section>`;
}

interface Decided {
  readonly event: RecordedEvent;
  readonly verdict: Verdict;
  readonly isByVerdict: boolean;
}

function decision({ event, verdict, isByVerdict }: Decided): Html {
  const { toRevert, toAdvance } = evidenceShare(verdict);
  const share = (value: number): string => `${Math.round(Math.min(9.99, value) * 100)} %`;
  const advance = toAdvance === null ? '' : `, ${share(toAdvance)} of that for an advance`;
  return html`<article class="${toneOf(event.name)}"><h3>#${event.id} ${titleOf(event.name)}<span class="by"> by ${event.actor}</span></h3>
${isByVerdict ? html`<p>${sentence(verdict.text)}</p>` : html`<p>${event.text}</p><p>What the tests said: ${sentence(verdict.text)}</p>`}
<p class="note">${isByVerdict ? 'Verdict' : 'The verdict, which was not the reason'}: ${verdict.decision} (${verdict.rule}). ${share(toRevert)} of the evidence for a revert${advance}.</p>
${makersNote(verdict)}
${streamTable(verdict)}</article>
`;
}

/** Who made the errors of the step, where services made some of them. */
export function makersNote({ failureMakers }: Verdict): Piece {
  if (failureMakers === undefined) return null;
  const { attribution, step } = failureMakers;
  const texts = (['x', 'y'] as const).flatMap((arm) => {
    const text = makersText(step[arm], attribution);
    return text === null ? [] : [`${arm.toUpperCase()} had ${text}`];
  });
  return texts.length === 0 ? null : html`<p class="note">In this step ${texts.join('; ')}.</p>`;
}

/** The comparisons of a verdict with their counts. */
export function streamTable({ streams, logEvidenceBar, logSafeBar }: Verdict): Piece {
  if (streams.length === 0) return null;
  const worst = streams.toSorted((a, b) => b.logWorse - a.logWorse).slice(0, streamsShown);
  const left = streams.length - worst.length;
  const bars = { logEvidenceBar, logSafeBar };
  return html`<details><summary>${streams.length} comparisons</summary>
<div class="scroll"><table class="numbers"><thead><tr><th>Compared</th><th>X</th><th>Y</th><th>against Y</th><th>not worse</th></tr></thead>
<tbody>${worst.map((stream) => streamRow(stream, bars))}</tbody></table></div>
${left > 0 ? html`<p class="note">${left} more with less against Y.</p>` : null}</details>`;
}

function streamRow(stream: StreamEvidence, bars: Pick<Verdict, 'logEvidenceBar' | 'logSafeBar'>): Html {
  const of = (log: number | null, bar: number): string =>
    log === null ? '–' : `${Math.round(Math.max(0, log / bar) * 100)} %`;
  return html`<tr><td>${stream.stream}${slowFrom(stream)}</td><td>${armText(stream.x)}</td><td>${armText(stream.y)}</td><td>${of(stream.logWorse, bars.logEvidenceBar)}</td><td>${of(stream.logSafe, bars.logSafeBar)}</td></tr>`;
}

/** From which latency on a request counts as slow, in a stream of latency. */
const slowFrom = ({ threshold }: StreamEvidence): Piece =>
  threshold === undefined ? null : html` <span class="note">${thresholdText(threshold)}</span>`;

const armText = ({ requests, failures, rate }: StreamEvidence['x']): string =>
  `${count(Math.round(failures))} of ${count(Math.round(requests))} (${percent(rate)})`;

/** Events of gates, freezes, windows and business metrics; nothing when there are none. */
export function signalsSection(events: readonly RecordedEvent[]): Piece {
  const signals = events.filter(({ name }) => signalNames.test(name));
  if (signals.length === 0) return null;
  return html`<section id="signals"><h2>Gates, approvals and business metrics</h2>
<ul class="signals">${signals.map(
    ({ id, name, actor, text }) =>
      html`<li class="${toneOf(name)}"><strong>${titleOf(name)}</strong> ${text} <span class="note">#${id}, ${actor}</span></li>`,
  )}</ul></section>`;
}
