// What a rollout will do next, the gates' points before that, and a name for exactly this wait: an approval
// or a go counts for one step as it is now, never for the same step entered again.
import type { GatePoint } from '#src/config/signals-config.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { stateAtStep } from '#src/core/rollout/transitions.ts';
import { PPM } from '#src/limits.ts';

export interface AwaitedMove {
  /** Opaque. Every rollout and every begin of a step has another one. */
  readonly revision: string;
  readonly points: readonly GatePoint[];
  /** Y's share after the move, ppm. */
  readonly nextWeightPpm: number;
}

/** The next move; null where there is none, as in a paused rollout. */
export function awaitedMove(state: RolloutState): AwaitedMove | null {
  switch (state.phase) {
    case 'preflight': {
      const first = stateAtStep(state.plan, 0, 0);
      const points: GatePoint[] =
        first.phase === 'soaking' ? ['before-start', 'before-full'] : ['before-start'];
      return { revision: revisionOf(state), points, nextWeightPpm: first.weightPpm };
    }
    case 'ramping': {
      const next = stateAtStep(state.plan, state.stepIndex + 1, 0);
      const point = next.phase === 'soaking' ? 'before-full' : 'before-step';
      return { revision: revisionOf(state), points: [point], nextWeightPpm: next.weightPpm };
    }
    case 'soaking':
      return { revision: revisionOf(state), points: ['before-complete'], nextWeightPpm: PPM };
    case 'idle':
    case 'paused':
    case 'completed':
    case 'reverted':
      return null;
  }
}

/** Name of the rollout's present step, for approvals: rollout, step, and when it was begun. */
function revisionOf(state: Extract<RolloutState, { phase: 'preflight' | 'ramping' | 'soaking' }>): string {
  const sinceMs = state.phase === 'ramping' ? state.stepSinceMs : state.sinceMs;
  const step = state.phase === 'preflight' ? 0 : state.stepIndex + 1;
  return `${state.plan.id.slice(0, 8)}.${step}.${Math.round(sinceMs).toString(36)}`;
}

/** Whether the rollout lacks nothing but its gates. */
export function waitsForGates(state: RolloutState): boolean {
  return 'hold' in state && state.hold?.name === 'gate';
}
