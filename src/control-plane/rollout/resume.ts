// Where a starting control thread goes on: from what the store recorded and what the workers use already.
// Pure, so that a table of tests can cover every point at which the thread before may have died.

import type { OrderedEffect } from '#src/core/rollout/ready.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { isRunning, resetStep } from '#src/core/rollout/transitions.ts';
import type { Split } from '#src/shared-memory/split-cell.ts';

interface ResumeFrom {
  /** What the store has; null when it has nothing, undefined when it cannot be read. */
  readonly recorded: RolloutState | null | undefined;
  /** What the workers use; null when nothing was ever published in this process. */
  readonly published: Split | null;
}

interface Resume {
  readonly state: RolloutState;
  /** What to publish at once. */
  readonly weightPpm: number;
  readonly salt: number;
  /**
   * The published weight, when it is not the recorded one: the predecessor died in the middle of a change.
   */
  readonly differingWeightPpm: number | null;
  /** The latest time in the state. The rollout's clock must not show less. */
  readonly notBeforeMs: number;
}

/**
 * Publishes the lower of the recorded and the published weight. An advance is recorded before it is
 * published, and a revert is published before it is recorded, so the lower weight is safe wherever the thread
 * before died. The rollout decides what follows from a difference (`recovered`).
 */
export function resume({ recorded, published }: ResumeFrom): Resume {
  if (recorded === undefined || recorded === null) {
    const weightPpm = published?.weightPpm ?? 0;
    const salt = published?.salt ?? 0;
    return {
      state: { phase: 'idle', weightPpm, salt },
      weightPpm,
      salt,
      differingWeightPpm: null,
      notBeforeMs: 0,
    };
  }
  const salt = recorded.phase === 'idle' ? (recorded.salt ?? published?.salt ?? 0) : recorded.plan.salt;
  const publishedPpm = published?.weightPpm ?? recorded.weightPpm;
  return {
    state: recorded,
    weightPpm: Math.min(recorded.weightPpm, publishedPpm),
    salt,
    differingWeightPpm: publishedPpm === recorded.weightPpm ? null : publishedPpm,
    notBeforeMs: newestTimeOf(recorded),
  };
}

/**
 * What makes the step of a rollout that is taken up begin anew for the analysis. Its evidence may not be
 * restored afterwards, because it was not kept or was gathered for other thresholds, and an analysis that was
 * told of no step asks for no proof.
 */
export function resetsOnResume(state: RolloutState): readonly OrderedEffect[] {
  if (!isRunning(state)) return [];
  const { plan, stepIndex } = state;
  return [{ type: 'reset-rollout-analysis' }, resetStep(plan, stepIndex)];
}

function newestTimeOf(state: RolloutState): number {
  if (state.phase === 'idle') return 0;
  const sinceMs = state.phase === 'ramping' ? state.stepSinceMs : state.sinceMs;
  return Math.max(sinceMs, ('yDownSinceMs' in state && state.yDownSinceMs) || 0);
}
