// What holds a rollout now, whichever phase it is in.
import type { HoldReason, RolloutState } from './rollout-state.ts';

/** Why the rollout does not move on; null while nothing holds it, or where nothing is to move. */
export function holdOf(state: RolloutState): HoldReason | null {
  if (state.phase === 'preflight') return state.hold ?? null;
  return state.phase === 'ramping' || state.phase === 'soaking' ? state.hold : null;
}
