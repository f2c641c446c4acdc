// Everything that is on record about one rollout, put together: for a report of it. Bounded, whatever the
// rollout's length.
import type { RolloutPlan, RolloutState } from '#src/core/rollout/rollout-state.ts';
import { CourseBuilder, type CoursePoint, courseOfMinutes } from './course.ts';
import type { FrozenEvidence } from './frozen-evidence.ts';
import { chainStart } from './hash-chain.ts';
import type { RecordAccess } from './record-access.ts';
import { endOf } from './record-check.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordedEvent } from './recorded-event.ts';
import type { StoreResult } from './store-result.ts';
import type { TrafficWindow } from './traffic-window.ts';

/** A longer rollout is shown by the minute. */
const bySecondMsMax = 30 * 60_000;
/** Traffic after the end that still tells of it. */
const afterEndMs = 15_000;
/** Records of ten seconds of traffic per page: some milliseconds. */
const recordsPerPage = 12;
/** Events in a report; far more than a rollout makes unless something flaps. */
const reportEventsMax = 2_000;

export interface RolloutRecord {
  readonly plan: RolloutPlan;
  /** Where it is, or how it ended. */
  readonly state: RolloutState;
  /** From its first event to its last, in the order of the record, whatever the clock did. */
  readonly events: readonly RecordedEvent[];
  /** The config at the start of the rollout, and with it the thresholds; null when it was not kept. */
  readonly config: unknown;
  readonly course: readonly CoursePoint[];
  /** What one point of the course is made of. */
  readonly courseBy: 'second' | 'minute';
  /** Frozen at the revert; null when there was none. */
  readonly evidence: FrozenEvidence | null;
  /** When this was put together, Unix epoch ms, and the hash that the record ended with. */
  readonly atMs: number;
  readonly recordEnd: string;
}

/** A rollout by its id, or the `last` one; null when there is none. Yields after every page. */
export function* readRolloutRecord(
  access: RecordAccess,
  wanted: string,
  nowMs: number,
): Generator<undefined, StoreResult<RolloutRecord | null>> {
  const outline = access.readRecord((record) => outlineOf(record, wanted));
  if (!outline.ok) return outline;
  if (outline.value === null) return { ok: true, value: null };
  const { plan, state, events } = outline.value;
  const times = events.map(({ atMs }) => atMs);
  const hasEnded = state.phase === 'completed' || state.phase === 'reverted' || state.phase === 'idle';
  const fromMs = Math.min(plan.startedAtMs, ...times);
  const toMs = hasEnded ? Math.max(plan.startedAtMs, ...times) + afterEndMs : nowMs;
  const course = yield* readCourse(access, plan.id, fromMs, toMs);
  if (!course.ok) return course;
  return { ok: true, value: { ...outline.value, ...course.value, atMs: nowMs } };
}

/** The same at one go. */
export function readRolloutRecordNow(
  access: RecordAccess,
  wanted: string,
  nowMs: number,
): StoreResult<RolloutRecord | null> {
  const reading = readRolloutRecord(access, wanted, nowMs);
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return value;
  }
}

function outlineOf(record: RecordReader, wanted: string) {
  const id = wanted === 'last' ? record.rollouts(1)[0]?.id : wanted;
  const transitions = id === undefined ? [] : record.transitionsOf(id);
  const first = transitions[0];
  const last = transitions.at(-1);
  if (id === undefined || first === undefined || last === undefined || !('plan' in first.to)) return null;
  const events = record.eventsOf(id, reportEventsMax);
  const evidence = last.to.phase === 'reverted' ? record.evidence(id) : null;
  const config = record.configAt(events.at(-1)?.id ?? 0);
  const recordEnd = endOf(record) ?? chainStart;
  return { plan: first.to.plan, state: last.to, events, evidence, config, recordEnd };
}

type Course = Pick<RolloutRecord, 'course' | 'courseBy'>;

function* readCourse(
  access: RecordAccess,
  rolloutId: string,
  fromMs: number,
  toMs: number,
): Generator<undefined, StoreResult<Course>> {
  if (toMs - fromMs <= bySecondMsMax) {
    const builder = new CourseBuilder(toMs - fromMs);
    const read = yield* eachWindow(access, fromMs, toMs, (window) => {
      if (window.rollout?.id === rolloutId && window.atMs <= toMs) builder.add(window);
    });
    if (!read.ok) return read;
    const course = builder.finish();
    if (course.length > 0) return { ok: true, value: { course, courseBy: 'second' } };
  }
  const minutes = access.readRecord((record) => record.minutes(fromMs - 60_000, toMs));
  if (!minutes.ok) return minutes;
  return { ok: true, value: { course: courseOfMinutes(minutes.value), courseBy: 'minute' } };
}

function* eachWindow(
  access: RecordAccess,
  fromMs: number,
  toMs: number,
  take: (window: TrafficWindow) => void,
): Generator<undefined, StoreResult<undefined>> {
  // A record may have begun before the rollout: records are found by their first window.
  let nextMs = fromMs - 10_000;
  for (;;) {
    const page = access.readRecord((record) => record.traffic(nextMs, toMs, recordsPerPage));
    if (!page.ok) return page;
    for (const window of page.value) take(window);
    const last = page.value.at(-1);
    if (last === undefined || last.atMs + 1 <= nextMs) return { ok: true, value: undefined };
    nextMs = last.atMs + 1;
    yield;
  }
}
