// What the rollout needs of the store.

import type { FoundChange } from '#src/control-plane/store/newest-rollout.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';
import type { WriteCallbacks } from './write-answer.ts';

export interface RolloutStore {
  /** Whether it takes writes now. */
  readonly writable: boolean;
  /** Why it does not; null while it does. */
  readonly problem: StoreProblem | null;
  /** The rollout as it was on record when the store was opened; null when there was none. */
  loadRollout(): StoreResult<RolloutState | null>;
  /** What that state is when it was acknowledged and was not on record; null when it was. Given once. */
  takeFound(): FoundChange | null;
  /** Replaces the rollout on record without a transition. */
  saveRollout(state: RolloutState): void;
  /**
   * Records what must be on record before it happens; when `settle` and `answered` are called is told in
   * write-answer.ts.
   */
  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    settle: WriteCallbacks['settle'],
    answered: WriteCallbacks['answered'],
  ): void;
  /**
   * Records what has happened already and cannot be refused, such as a revert: at the latest when the store
   * is back.
   */
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void;
}
