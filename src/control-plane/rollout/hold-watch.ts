// How long a rollout has been held for the reason that holds it now. A hold that gives way to another begins
// anew; the step's own time is in the rollout's state.
import { holdOf } from '#src/core/rollout/hold-of.ts';
import type { HoldReason, RolloutState } from '#src/core/rollout/rollout-state.ts';

/** A hold and how long it has lasted. */
export interface Held {
  readonly reason: HoldReason['name'];
  readonly seconds: number;
}

export class HoldWatch {
  #name: HoldReason['name'] | null = null;
  #sinceMs = 0;
  #nowMs = 0;

  /** nowMs: monotonic. Call it every tick. */
  observe(state: RolloutState, nowMs: number): void {
    const name = holdOf(state)?.name ?? null;
    this.#nowMs = nowMs;
    if (name === this.#name) return;
    this.#name = name;
    this.#sinceMs = nowMs;
  }

  /** The present hold and its age in seconds at the last tick; null while nothing holds. */
  get held(): Held | null {
    return this.#name === null
      ? null
      : { reason: this.#name, seconds: (this.#nowMs - this.#sinceMs) / 1_000 };
  }
}
