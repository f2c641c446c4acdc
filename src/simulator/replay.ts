// Replays recorded traffic with other thresholds: the windows that a control plane has kept are given to the
// same analysis again. The weights are those of the record, because nobody knows what had happened with
// others. So the result is when a step would have been ready and when it would have been reverted, and
// nothing after that.

import { Analysis } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { RouteNames } from '#src/core/analysis/streams/tracked-routes.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { ArmSample, type EpochSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { fillArm, type RolloutPlace, type TrafficWindow } from '#src/record/traffic-window.ts';
import { otherRouteSlot } from '#src/shared-memory/layout.ts';

interface ReplayedStep {
  readonly weightPpm: number;
  readonly nextWeightPpm: number;
  /** Unix epoch ms. */
  readonly enteredAtMs: number;
  readonly leftAtMs: number;
  /** When the evidence would have allowed the next step, apart from the bake; null when it never did. */
  readonly readyAtMs: number | null;
  /** What it would have waited for last. */
  readonly lastHold: string | null;
}

export interface ReplayedRollout {
  readonly id: string;
  readonly startedAtMs: number;
  /** How it ended in the record: `completed`, `reverted`, or the last phase in it. */
  readonly recordedEnd: string;
  readonly recordedEndAtMs: number;
  /** Whether it was completed and reverted later, which only a person can do. */
  readonly revertedLater: boolean;
  /** Time in the rollout without counts, ms: the process did not run, or was killed before it wrote them. */
  readonly missingMs: number;
  /** Names of routes that were parked in the record. In the replay they are compared like all others. */
  readonly parked: readonly string[];
  /** The thresholds at its start. */
  readonly thresholds: AnalysisThresholds;
  /** The first revert that these thresholds would have made; null for none. */
  readonly revert: { readonly atMs: number; readonly weightPpm: number; readonly text: string } | null;
  readonly steps: readonly ReplayedStep[];
}

/** What is known from a record besides its windows. */
export interface RecordNotes {
  /** By slot. */
  readonly routeNames: readonly string[];
  /** By the rollout's id. */
  readonly parked: ReadonlyMap<string, readonly string[]>;
}

/** Shorter gaps between windows come from a tick that was late. */
const gapMsMin = 1_000;

const comparedPhases: ReadonlySet<string> = new Set(['ramping', 'paused', 'soaking']);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Thresholds and the time from which on they are in force, Unix epoch ms. */
export interface ThresholdsFrom {
  readonly atMs: number;
  readonly thresholds: AnalysisThresholds;
}

/**
 * Replays everything that was recorded. The first of `thresholds` is in force from the beginning, each until
 * the next. Windows and thresholds are ordered, the oldest first.
 */
export function replay(
  windows: readonly TrafficWindow[],
  thresholds: AnalysisThresholds | readonly [ThresholdsFrom, ...ThresholdsFrom[]],
  notes: RecordNotes = { routeNames: [], parked: new Map() },
): ReplayedRollout[] {
  const inForce = 'harm' in thresholds ? ([{ atMs: 0, thresholds }] as const) : thresholds;
  const replayer = new Replayer(inForce, notes);
  for (const window of windows) replayer.take(window);
  return replayer.rollouts;
}

class Replayer {
  readonly rollouts: Mutable<ReplayedRollout>[] = [];
  #analysis: Analysis;
  #thresholds: AnalysisThresholds;
  /** Thresholds that come into force later. */
  #later: readonly ThresholdsFrom[];
  readonly #routes: RouteNames;
  readonly #parked: RecordNotes['parked'];
  readonly #sample: TickSample = { atMs: 0, dtMs: 0, epochs: [] };
  #place: RolloutPlace | null = null;
  #lastAtMs = Number.NaN;
  #steps: Mutable<ReplayedStep>[] = [];

  constructor(
    [first, ...later]: readonly [ThresholdsFrom, ...ThresholdsFrom[]],
    { routeNames, parked }: RecordNotes,
  ) {
    this.#routes = {
      revision: 0,
      nameOf: (slot) => routeNames[slot] ?? (slot === otherRouteSlot ? 'all other routes' : `number ${slot}`),
      isParked: () => false,
    };
    this.#thresholds = first.thresholds;
    this.#analysis = new Analysis(first.thresholds, this.#routes);
    this.#later = later;
    this.#parked = parked;
  }

  take(window: TrafficWindow): void {
    this.#noteGap(window);
    this.#changeThresholds(window.atMs - window.dtMs);
    this.#move(window);
    this.#give(window);
    const rollout = this.rollouts.at(-1);
    if (rollout === undefined || this.#place === null) return;
    // A completed rollout has ended; that it was reverted later was no decision by the thresholds.
    if (rollout.recordedEnd === 'completed') rollout.revertedLater ||= this.#place.phase === 'reverted';
    else rollout.recordedEnd = this.#place.phase;
    if (comparedPhases.has(this.#place.phase)) {
      rollout.recordedEndAtMs = window.atMs;
      this.#assess(window, rollout);
    }
  }

  /**
   * Changes the thresholds as the control plane does on a reload: the evidence begins anew when they ask
   * another question.
   */
  #changeThresholds(atMs: number): void {
    const due = this.#later.filter((one) => one.atMs <= atMs).at(-1);
    if (due === undefined) return;
    this.#later = this.#later.filter((one) => one.atMs > atMs);
    const before = this.#analysis.snapshot();
    this.#thresholds = due.thresholds;
    this.#analysis = new Analysis(due.thresholds, this.#routes);
    if (this.#analysis.restore(before)) return;
    this.#analysis.resetRollout(this.#sample.atMs);
    this.#analysis.resetStep(before.nextWeightPpm, this.#sample.atMs);
  }

  #noteGap(window: TrafficWindow): void {
    const gapMs = this.#gapMs(window);
    const rollout = this.rollouts.at(-1);
    const place = window.rollout;
    if (gapMs < gapMsMin || rollout === undefined || place?.id !== rollout.id) return;
    // Counts after its end are not needed.
    if (this.#place !== null && comparedPhases.has(this.#place.phase)) rollout.missingMs += gapMs;
  }

  /** Time before a window that no other window covers. */
  #gapMs({ atMs, dtMs }: TrafficWindow): number {
    return Number.isNaN(this.#lastAtMs) ? 0 : Math.max(0, atMs - dtMs - this.#lastAtMs);
  }

  /** Resets the analysis where the rollout did at this point of the record. */
  #move(window: TrafficWindow): void {
    const before = this.#place;
    const place = window.rollout;
    this.#place = place;
    if (place === null) return;
    const beganAtMs = window.atMs - window.dtMs;
    if (place.id !== before?.id) {
      this.#analysis.resetRollout(this.#sample.atMs);
      this.#steps = [];
      this.rollouts.push({
        id: place.id,
        startedAtMs: beganAtMs,
        recordedEnd: place.phase,
        recordedEndAtMs: beganAtMs,
        revertedLater: false,
        missingMs: 0,
        parked: this.#parked.get(place.id) ?? [],
        thresholds: this.#thresholds,
        revert: null,
        steps: this.#steps,
      });
    }
    if (!comparedPhases.has(place.phase)) return;
    const sameStep =
      place.id === before?.id && place.stepIndex === before.stepIndex && comparedPhases.has(before.phase);
    if (!sameStep) this.#enterStep(place, beganAtMs);
  }

  #enterStep({ weightPpm, nextWeightPpm }: RolloutPlace, enteredAtMs: number): void {
    this.#analysis.resetStep(nextWeightPpm, this.#sample.atMs);
    const leftAtMs = enteredAtMs;
    this.#steps.push({ weightPpm, nextWeightPpm, enteredAtMs, leftAtMs, readyAtMs: null, lastHold: null });
  }

  /** Gives a window to the analysis. Its clock moves on as that of the record did, also over gaps. */
  #give(window: TrafficWindow): void {
    const sample = this.#sample;
    sample.dtMs = window.dtMs + this.#gapMs(window);
    this.#lastAtMs = window.atMs;
    sample.atMs += sample.dtMs;
    sample.epochs.length = 0;
    for (const kept of window.epochs) sample.epochs.push(epochSample(kept));
    this.#analysis.update(sample);
  }

  #assess(window: TrafficWindow, rollout: Mutable<ReplayedRollout>): void {
    const step = this.#steps.at(-1);
    if (step === undefined || rollout.revert !== null) return;
    step.leftAtMs = window.atMs;
    const verdict: Verdict = this.#analysis.assess({
      goal: this.#place?.phase === 'soaking' ? 'soak' : 'step',
    });
    if (verdict.toRetest !== undefined) this.#analysis.retest(verdict.toRetest, this.#sample.atMs);
    if (verdict.decision === 'revert') {
      rollout.revert = { atMs: window.atMs, weightPpm: step.weightPpm, text: verdict.text };
    } else if (verdict.decision === 'advance') step.readyAtMs ??= window.atMs;
    else if (step.readyAtMs === null) step.lastHold = verdict.text;
  }
}

function epochSample({ epoch, weightPpm, x, y }: TrafficWindow['epochs'][number]): EpochSample {
  const sample = { epoch, weightPpm, x: new ArmSample(), y: new ArmSample() };
  fillArm(sample.x, x);
  fillArm(sample.y, y);
  return sample;
}
