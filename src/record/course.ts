// The traffic of a rollout as a line of at most a few hundred points, from what was kept by the second or,
// for a long one, by the minute.
import { ArmSample } from '#src/core/telemetry/sample.ts';
import { ArmSum } from './arm-sum.ts';
import type { EvidenceShare } from './evidence-share.ts';
import type { ArmTraffic } from './frozen-evidence.ts';
import type { ClusterMinute, MinuteRow } from './recorded-event.ts';
import { type ArmCounters, fillArm, type TrafficWindow } from './traffic-window.ts';

/** Enough to see a step's course; with more, the small share of Y in the first steps would be all noise. */
const coursePointsMax = 100;
const pointMsMin = 2_000;
const minuteMs = 60_000;

export interface CoursePoint {
  /** Its end, Unix epoch ms. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly x: ArmTraffic;
  readonly y: ArmTraffic;
  /** To a revert, the most there was; to an advance, as it was at its end. Null where it was not kept. */
  readonly evidence: EvidenceShare | null;
}

/** Gathers windows of a second into points of equal length. */
export class CourseBuilder {
  readonly #pointMs: number;
  readonly #points: CoursePoint[] = [];
  readonly #arm = new ArmSample();
  #x = new ArmSum();
  #y = new ArmSum();
  #durationMs = 0;
  #toRevert = 0;
  #last: TrafficWindow | null = null;

  /** durationMs: of the whole rollout. */
  constructor(durationMs: number) {
    this.#pointMs = Math.max(pointMsMin, Math.ceil(durationMs / coursePointsMax / 1_000) * 1_000);
  }

  add(window: TrafficWindow): void {
    for (const { x, y } of window.epochs) {
      this.#addArm(this.#x, x);
      this.#addArm(this.#y, y);
    }
    this.#durationMs += window.dtMs;
    this.#toRevert = Math.max(this.#toRevert, window.evidence?.toRevert ?? 0);
    this.#last = window;
    if (this.#durationMs >= this.#pointMs) this.#cut();
  }

  /** The points so far; the last one may be shorter. */
  finish(): CoursePoint[] {
    this.#cut();
    return this.#points;
  }

  #addArm(into: ArmSum, counters: ArmCounters): void {
    fillArm(this.#arm, counters);
    into.add(this.#arm);
  }

  #cut(): void {
    const last = this.#last;
    if (last === null) return;
    const evidence = last.evidence === undefined ? null : { ...last.evidence, toRevert: this.#toRevert };
    const [x, y] = [this.#x.view(), this.#y.view()];
    this.#points.push({ atMs: last.atMs, durationMs: this.#durationMs, x, y, evidence });
    this.#x = new ArmSum();
    this.#y = new ArmSum();
    this.#durationMs = 0;
    this.#toRevert = 0;
    this.#last = null;
  }
}

/** The same of whole minutes. Their quantiles can't be added up: of several, the worst is taken. */
export function courseOfMinutes(minutes: readonly MinuteRow[]): CoursePoint[] {
  const perPoint = Math.max(1, Math.ceil(minutes.length / coursePointsMax));
  const points: CoursePoint[] = [];
  for (let from = 0; from < minutes.length; from += perPoint) {
    const group = minutes.slice(from, from + perPoint);
    const last = group.at(-1);
    if (last === undefined) break;
    points.push({
      atMs: last.atMs + minuteMs,
      durationMs: group.length * minuteMs,
      x: armOf(group.map(({ clusters }) => clusters.x)),
      y: armOf(group.map(({ clusters }) => clusters.y)),
      evidence: last.evidence ?? null,
    });
  }
  return points;
}

function armOf(minutes: readonly ClusterMinute[]): ArmTraffic {
  const sum = (value: (minute: ClusterMinute) => number) =>
    minutes.reduce((total, minute) => total + value(minute), 0);
  const worst = (value: (minute: ClusterMinute) => number | null) => {
    const known = minutes.map(value).filter((one) => one !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  return {
    requests: sum(({ requests }) => requests),
    failures: sum(({ failures }) => failures),
    p50Ms: worst(({ p50Ms }) => p50Ms),
    p99Ms: worst(({ p99Ms }) => p99Ms),
  };
}
