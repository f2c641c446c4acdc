// What a decision of the rollout wants done, in the order of the list. An advance persists before it
// publishes. A revert publishes the safe split before it persists, so that a dead disk can never hold back a
// rollback.
import type { RetestKind } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from './rollout-state.ts';

/** One line of the record: what changed, who did it, why, and the numbers it rests on. */
export interface Transition {
  /** When it happened, Unix epoch ms: the time of the event, and on record that of the wall clock. */
  readonly atMs: number;
  readonly name:
    | 'started'
    | 'preflight-failed'
    | 'step'
    | 'paused'
    | 'resumed'
    | 'soak'
    | 'completed'
    | 'reverted'
    | 'split-set'
    | 'route-parked'
    | 'route-unparked'
    | 'retest'
    | 'stuck'
    | 'recovered';
  readonly from: RolloutState;
  readonly to: RolloutState;
  /** `analysis`, `breaker`, `crossover`, or the operator as the API knows them. */
  readonly actor: string;
  /** One plain sentence. */
  readonly reason: string;
  /** The verdict's numbers at that moment, JSON; null where none was involved. */
  readonly evidence: unknown;
}

/**
 * A transition as it is kept where there is little room: without its numbers, and with the state that it led
 * to alone.
 */
export interface RolloutChange extends Pick<Transition, 'name' | 'atMs' | 'actor' | 'reason'> {
  readonly state: RolloutState;
}

export type RolloutEffect =
  | { readonly type: 'publish'; readonly weightPpm: number; readonly salt: number }
  | { readonly type: 'persist'; readonly transition: Transition }
  | { readonly type: 'run-preflight' }
  /** Fresh non-inferiority tests: a new step began. */
  | { readonly type: 'reset-step-analysis'; readonly nextWeightPpm: number }
  /** Fresh everything: a new rollout began. */
  | { readonly type: 'reset-rollout-analysis' }
  /** Sends all requests of a route to X and leaves them out of the comparison. */
  | { readonly type: 'park-route'; readonly slot: number; readonly name: string }
  | { readonly type: 'unpark-route'; readonly slot: number; readonly name: string }
  /** Fresh tests, after a wait, for streams that would have reverted. */
  | { readonly type: 'retest-analysis'; readonly kinds: readonly RetestKind[] }
  | { readonly type: 'notify'; readonly transition: Transition };

/** Refusal of a command: nothing changed. */
export interface Refusal {
  readonly text: string;
  readonly phase: RolloutState['phase'];
}

export type StepResult =
  | { readonly ok: true; readonly state: RolloutState; readonly effects: readonly RolloutEffect[] }
  | { readonly ok: false; readonly refusal: Refusal };
