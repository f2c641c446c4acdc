// Where a rollout is among its steps, as people read it.
import { percentOf } from './percent-of.ts';
import type { RolloutState } from './rollout-state.ts';

export interface StepView {
  readonly index: number;
  readonly count: number;
  /** Percent of Y that the step stands for. */
  readonly weight: number;
}

export function stepView(state: RolloutState): StepView | null {
  if (state.phase !== 'ramping' && state.phase !== 'soaking' && state.phase !== 'paused') return null;
  const { stepsPpm } = state.plan;
  return {
    index: state.stepIndex,
    count: stepsPpm.length,
    weight: percentOf(stepsPpm[state.stepIndex] ?? state.weightPpm),
  };
}
