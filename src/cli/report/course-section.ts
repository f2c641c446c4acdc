// The part of a report with charts over one time axis: the split, the traffic of both clusters, the evidence.

import type { CoursePoint } from '#src/record/course.ts';
import { evidenceShare } from '#src/record/evidence-share.ts';
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import { latency, percent, perSecond, weight } from '#src/terminal/figures.ts';
import { lineChart, type Series, type TimeSpan } from './chart.ts';
import { moveOf } from './decided.ts';
import { type Html, html } from './html.ts';
import { axisTime } from './times.ts';

type Arm = 'x' | 'y';
type Value = (point: CoursePoint) => number | null;

/** The charts, or a sentence when no traffic was recorded. */
export function courseSection(record: RolloutRecord, names: Readonly<Record<Arm, string>>): Html {
  const span = spanOf(record);
  const common = { span, timeLabel: axisTime(span.toMs - span.fromMs), marks: marksOf(record) };
  const split = lineChart({
    ...common,
    title: 'Share of Y',
    series: [splitSeries(record, span, names.y)],
    format: weight,
  });
  return html`<section id="course"><h2>Course</h2>
${split}
${record.course.length === 0 ? html`<p class="note">No traffic was recorded for it.</p>` : trafficCharts(record, names, common)}
<p class="note">Times are UTC. Vertical lines: green for a step, red for the revert. First attempts only, by ${record.courseBy === 'second' ? 'the second' : 'the minute'}; latency is that of successes.</p>
</section>`;
}

function trafficCharts(
  { course, events }: RolloutRecord,
  names: Readonly<Record<Arm, string>>,
  common: Pick<Parameters<typeof lineChart>[0], 'span' | 'timeLabel' | 'marks'>,
): Html {
  const line = (name: string, kind: string, value: Value): Series => ({
    name,
    kind,
    points: course.map((point) => ({ atMs: point.atMs, value: value(point) })),
  });
  const both = (value: (arm: Arm) => Value): Series[] => [
    line(names.x, 'x', value('x')),
    line(names.y, 'y', value('y')),
  ];
  const hasEvidence = course.some(({ evidence }) => evidence !== null);
  return html`${lineChart({ ...common, title: 'Requests per second', series: both(rateOf), format: perSecond })}
${lineChart({ ...common, title: 'Failed requests', series: both(failureShareOf), format: percent })}
${lineChart({
  ...common,
  title: 'Latency',
  series: [
    line(`p50 ${names.x}`, 'x', ({ x }) => x.p50Ms),
    line(`p50 ${names.y}`, 'y', ({ y }) => y.p50Ms),
    line(`p99 ${names.x}`, 'x dashed', ({ x }) => x.p99Ms),
    line(`p99 ${names.y}`, 'y dashed', ({ y }) => y.p99Ms),
  ],
  format: latency,
})}
${
  hasEvidence
    ? lineChart({
        ...common,
        title: 'Evidence, as a share of what decides',
        series: [
          withReverts(
            line('to revert', 'bad', ({ evidence }) => capped(evidence?.toRevert)),
            events,
          ),
          line('to advance', 'good', ({ evidence }) => capped(evidence?.toAdvance)),
        ],
        format: (share) => `${Math.round(share * 100)} %`,
        top: 1,
        bar: 1,
      })
    : null
}`;
}

/**
 * The evidence with points at reverts: their verdicts are recorded with them, not with the windows of
 * traffic.
 */
function withReverts(series: Series, events: RolloutRecord['events']): Series {
  const reverts = events.flatMap((event) => {
    const verdict = moveOf(event)?.verdict ?? null;
    return verdict?.decision === 'revert'
      ? [{ atMs: event.atMs, value: capped(evidenceShare(verdict).toRevert) }]
      : [];
  });
  const points = [...series.points, ...reverts].toSorted((a, b) => a.atMs - b.atMs);
  return { ...series, points };
}

const rateOf =
  (arm: Arm): Value =>
  (point) =>
    point.durationMs > 0 ? (point[arm].requests * 1000) / point.durationMs : null;

const failureShareOf =
  (arm: Arm): Value =>
  (point) =>
    point[arm].requests > 0 ? point[arm].failures / point[arm].requests : null;

/** A share of evidence, at most 1: more than the bar changes no decision. */
const capped = (share: number | null | undefined): number | null =>
  share === null || share === undefined ? null : Math.min(1, share);

function spanOf({ plan, events, course, state, atMs }: RolloutRecord): TimeSpan {
  const times = [...events.map((event) => event.atMs), ...course.map((point) => point.atMs)];
  const isOver = state.phase === 'completed' || state.phase === 'reverted' || state.phase === 'idle';
  return { fromMs: Math.min(plan.startedAtMs, ...times), toMs: Math.max(...times, isOver ? 0 : atMs) };
}

function splitSeries({ events }: RolloutRecord, { fromMs, toMs }: TimeSpan, name: string): Series {
  const points = [{ atMs: fromMs, value: 0 }];
  for (const event of events) {
    const move = moveOf(event);
    if (move !== null) points.push({ atMs: Math.max(event.atMs, points.at(-1)?.atMs ?? 0), value: move.to });
  }
  points.push({ atMs: toMs, value: points.at(-1)?.value ?? 0 });
  return { name, kind: 'y', points, isStep: true };
}

const marksOf = ({ events }: RolloutRecord) =>
  events.flatMap((event) => {
    const move = moveOf(event);
    if (move === null || move.from === move.to) return [];
    return [{ atMs: event.atMs, kind: move.to < move.from ? 'bad' : 'good' }];
  });
