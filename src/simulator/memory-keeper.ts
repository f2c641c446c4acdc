// The rollout's record in memory, for simulations: the service's keeper without a disk.

import type { RolloutKeeper } from '#src/control-plane/rollout-service.ts';
import { done, type StoreResult } from '#src/control-plane/store/store-result.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';

export class MemoryKeeper implements RolloutKeeper {
  readonly writable = true;
  readonly problem = null;
  readonly transitions: Transition[] = [];
  /** As text, as a store keeps it: what comes back after a restart is what survives being written down. */
  #state: string | null = null;

  loadRollout(): StoreResult<RolloutState | null> {
    return { ok: true, value: this.#state === null ? null : (JSON.parse(this.#state) as RolloutState) };
  }

  saveRollout(state: RolloutState): StoreResult<undefined> {
    this.#state = JSON.stringify(state);
    return done;
  }

  saveTransition(transition: Transition, state: RolloutState): StoreResult<undefined> {
    this.transitions.push(transition);
    return this.saveRollout(state);
  }

  saveTransitionEventually(transition: Transition, state: RolloutState): void {
    this.saveTransition(transition, state);
  }
}
