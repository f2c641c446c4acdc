// What other thresholds would have made of recorded traffic: the windows that a control plane kept, given to the same
// analysis again. The weights are those of the record, since nobody knows what other weights would have brought; so it is
// said when a step would have been ready and when it would have been reverted, and nothing is made up after that.

import { fillArm, type RolloutPlace, type TrafficWindow } from '#src/control-plane/traffic-window.ts';
import { Analysis, type AnalysisThresholds } from '#src/core/analysis/analysis.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { ArmSample, type EpochSample, type TickSample } from '#src/core/telemetry/sample.ts';

export interface ReplayedStep {
  readonly weightPpm: number;
  readonly nextWeightPpm: number;
  /** Unix epoch ms. */
  readonly enteredAtMs: number;
  readonly leftAtMs: number;
  /** When the evidence would have allowed the next step; null when it never did. A bake comes on top. */
  readonly readyAtMs: number | null;
  /** The last thing it would have waited for. */
  readonly lastHold: string | null;
}

export interface ReplayedRollout {
  readonly id: string;
  readonly startedAtMs: number;
  /** How it ended in the record: `completed`, `reverted`, or the phase it was last seen in. */
  readonly recordedEnd: string;
  readonly recordedEndAtMs: number;
  /** The first revert that these thresholds would have made; null for none. */
  readonly revert: { readonly atMs: number; readonly weightPpm: number; readonly text: string } | null;
  readonly steps: readonly ReplayedStep[];
}

const judgedPhases: ReadonlySet<string> = new Set(['ramping', 'paused', 'soaking']);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Everything that was recorded, judged by `thresholds`. Windows oldest first. */
export function replay(windows: readonly TrafficWindow[], thresholds: AnalysisThresholds): ReplayedRollout[] {
  const replayer = new Replayer(thresholds);
  for (const window of windows) replayer.take(window);
  return replayer.rollouts;
}

class Replayer {
  readonly rollouts: Mutable<ReplayedRollout>[] = [];
  readonly #analysis: Analysis;
  readonly #sample: TickSample = { atMs: 0, dtMs: 0, epochs: [] };
  #place: RolloutPlace | null = null;
  #lastAtMs = Number.NaN;
  #steps: Mutable<ReplayedStep>[] = [];

  constructor(thresholds: AnalysisThresholds) {
    this.#analysis = new Analysis(thresholds);
  }

  take(window: TrafficWindow): void {
    this.#move(window);
    this.#give(window);
    const rollout = this.rollouts.at(-1);
    if (rollout === undefined || this.#place === null) return;
    rollout.recordedEnd = this.#place.phase;
    if (judgedPhases.has(this.#place.phase)) {
      rollout.recordedEndAtMs = window.atMs;
      this.#assess(window, rollout);
    }
  }

  /** Does to the analysis what the rollout did at this point of the record. */
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
        revert: null,
        steps: this.#steps,
      });
    }
    if (!judgedPhases.has(place.phase)) return;
    const sameStep =
      place.id === before?.id && place.stepIndex === before.stepIndex && judgedPhases.has(before.phase);
    if (!sameStep) this.#enterStep(place, beganAtMs);
  }

  #enterStep({ weightPpm, nextWeightPpm }: RolloutPlace, enteredAtMs: number): void {
    this.#analysis.resetStep(nextWeightPpm, this.#sample.atMs);
    const leftAtMs = enteredAtMs;
    this.#steps.push({ weightPpm, nextWeightPpm, enteredAtMs, leftAtMs, readyAtMs: null, lastHold: null });
  }

  /** The analysis' clock goes on as the record's did; where the record has a gap, so has the analysis. */
  #give(window: TrafficWindow): void {
    const sample = this.#sample;
    const gapMs = Number.isNaN(this.#lastAtMs) ? 0 : window.atMs - window.dtMs - this.#lastAtMs;
    this.#lastAtMs = window.atMs;
    sample.dtMs = window.dtMs + Math.max(0, gapMs);
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
