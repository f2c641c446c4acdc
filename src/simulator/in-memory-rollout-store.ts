// The rollout's store in memory, for simulations.

import type { RolloutStore } from '#src/control-plane/rollout/rollout-store.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { done, type StoreResult } from '#src/record/store-result.ts';

export class InMemoryRolloutStore implements RolloutStore {
  readonly writable = true;
  readonly problem = null;
  readonly transitions: Transition[] = [];
  /** Kept as text, like in a file: a restart gets back what survives being written down. */
  #state: string | null = null;

  loadRollout(): StoreResult<RolloutState | null> {
    return { ok: true, value: this.#state === null ? null : (JSON.parse(this.#state) as RolloutState) };
  }

  takeFound(): null {
    return null;
  }

  saveRollout(state: RolloutState): void {
    this.#state = JSON.stringify(state);
  }

  saveTransition: RolloutStore['saveTransition'] = (transition, state, _event, settle, answered) => {
    this.saveTransitionEventually(transition, state);
    answered(true);
    settle(done);
  };

  saveTransitionEventually(transition: Transition, state: RolloutState): void {
    this.transitions.push(transition);
    this.saveRollout(state);
  }
}
