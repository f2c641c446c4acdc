// Which state of the rollout is the newest one that was acknowledged: the store's, the mark's, or that of the
// process before. Pure.
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Mark } from '#src/record/revert-mark.ts';
import type { HandOver } from '#src/shared-memory/messages.ts';

/** A change that was acknowledged and that the store does not have. */
export interface FoundChange {
  /** What the store has; null when it has nothing. */
  readonly recorded: RolloutState | null;
  readonly change: RolloutChange;
  /** Who knows of it. */
  readonly source: 'mark' | 'predecessor';
}

export interface NewestRollout {
  /** Null when nothing was ever recorded. */
  readonly state: RolloutState | null;
  readonly revision: number;
  /** What only the mark or the process before knows; null when the store has the newest. */
  readonly found: FoundChange | null;
}

/** What is in the store: null where there is no rollout. */
export interface StoredRollout {
  readonly rollout: RolloutState | null;
  readonly revision: number;
}

/** Revisions tell what came later; wherever one is the same, the store counts. */
export function newestRollout(
  stored: StoredRollout,
  mark: Mark | null,
  handedOver: HandOver | null,
): NewestRollout {
  let newest: NewestRollout = { state: stored.rollout, revision: stored.revision, found: null };
  for (const [source, other] of [
    ['mark', mark],
    ['predecessor', handedOver],
  ] as const) {
    if (other === null || other.change === null || other.revision <= newest.revision) continue;
    const change = { ...other.change, state: withParked(other.change.state, stored.rollout) };
    newest = {
      state: change.state,
      revision: other.revision,
      found: { recorded: stored.rollout, change, source },
    };
  }
  return newest;
}

/**
 * A state from the mark may have left out parked routes for want of room. Those that the store has were not
 * taken back since.
 */
function withParked(state: RolloutState, recorded: RolloutState | null): RolloutState {
  const { parked } = recorded ?? {};
  if (parked === undefined || state.parked !== undefined || state.phase === 'reverted') return state;
  const isSame =
    'plan' in state && recorded !== null && 'plan' in recorded && state.plan.id === recorded.plan.id;
  return isSame ? { ...state, parked } : state;
}
