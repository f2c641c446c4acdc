// The analysis as the control thread runs it: on the monotonic clock, kept across restarts, and rebuilt when the
// thresholds change while it runs.
import { Analysis, type AnalysisSnapshot, type AnalysisThresholds } from '#src/core/analysis/analysis.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import type { AnalysisResets } from './rollout-service.ts';

/** What is kept: the evidence, and the rollout it was gathered for. */
interface KeptAnalysis {
  readonly rolloutId: string | null;
  readonly analysis: AnalysisSnapshot;
}

export const rolloutIdOf = (state: RolloutState): string | null => ('plan' in state ? state.plan.id : null);

export class Judge implements AnalysisResets {
  readonly #monotonicMs: () => number;
  #analysis: Analysis;
  #verdict: Verdict | null = null;

  constructor(thresholds: AnalysisThresholds, monotonicMs: () => number) {
    this.#analysis = new Analysis(thresholds);
    this.#monotonicMs = monotonicMs;
  }

  /** The last verdict; null before the first tick. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  update(sample: TickSample): void {
    this.#analysis.update(sample);
  }

  assess(state: RolloutState): Verdict {
    const soaking = state.phase === 'soaking' || (state.phase === 'paused' && state.from === 'soaking');
    this.#verdict = this.#analysis.assess({ goal: soaking ? 'soak' : 'step' });
    return this.#verdict;
  }

  /** Age in ms from which a waiting request counts as slow; Infinity while unknown. */
  slowThresholdMs(arm: 'x' | 'y', quantileIndex: number): number {
    return this.#analysis.slowThresholdMs(arm, quantileIndex);
  }

  resetStep(nextWeightPpm: number): void {
    this.#analysis.resetStep(nextWeightPpm, this.#monotonicMs());
  }

  resetRollout(): void {
    this.#analysis.resetRollout(this.#monotonicMs());
  }

  /** Judges by other thresholds from now on. Returns false when the evidence so far does not fit them and was dropped. */
  setThresholds(thresholds: AnalysisThresholds): boolean {
    const before = this.#analysis.snapshot();
    this.#analysis = new Analysis(thresholds);
    if (this.#analysis.restore(before)) return true;
    this.resetRollout();
    this.resetStep(before.nextWeightPpm);
    return false;
  }

  snapshot(state: RolloutState): KeptAnalysis {
    return { rolloutId: rolloutIdOf(state), analysis: this.#analysis.snapshot() };
  }

  /** Goes on with kept evidence if it was gathered for this rollout and these thresholds. */
  restore(kept: unknown, state: RolloutState): boolean {
    if (!isKeptAnalysis(kept) || kept.rolloutId !== rolloutIdOf(state)) return false;
    return this.#analysis.restore(kept.analysis);
  }
}

/** The store has checked its own pages; what it holds was written by `snapshot`, so its outline is proof enough. */
function isKeptAnalysis(value: unknown): value is KeptAnalysis {
  return typeof value === 'object' && value !== null && 'rolloutId' in value && 'analysis' in value;
}
