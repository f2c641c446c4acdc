// What a rollout is at one moment: a discriminated union, so that a phase carries exactly what it needs.
// Plain JSON data, kept in the store. All times are Unix epoch milliseconds of the rollout's own clock
// (control-plane/rollout/rollout-clock.ts).

export type Phase = 'idle' | 'preflight' | 'ramping' | 'paused' | 'soaking' | 'completed' | 'reverted';
export const phases: readonly Phase[] = [
  'idle',
  'preflight',
  'ramping',
  'paused',
  'soaking',
  'completed',
  'reverted',
];

/** What a rollout was started with; never changes while it runs. */
export interface RolloutPlan {
  readonly id: string;
  /** Y's share per step in ppm, strictly ascending, last one 1,000,000. */
  readonly stepsPpm: readonly number[];
  readonly bakeMs: number;
  readonly stepTimeoutMs: number;
  readonly onInconclusive: 'hold' | 'revert';
  /** What happens when a single route is worse on Y. Plans of earlier versions have none and revert. */
  readonly onBadRoute: 'revert' | 'park';
  readonly soakMs: number;
  readonly holdbackPpm: number;
  /** Salt of the sticky hash (int32). */
  readonly salt: number;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly reason: string;
}

/** Why a step does not move on, in words and as a stable name. */
export interface HoldReason {
  readonly name:
    | 'bake'
    | 'needs-samples'
    | 'x-unhealthy'
    | 'suspicion'
    | 'retest'
    | 'attribution'
    | 'parked'
    | 'no-data'
    | 'warmup'
    | 'inconclusive'
    | 'breaker-open'
    | 'y-unhealthy'
    | 'store-unavailable'
    | 'metric'
    | 'freeze'
    | 'window'
    | 'gate';
  readonly text: string;
}

/** Why a rollout was reverted. */
export interface RevertCause {
  readonly name:
    | 'evidence'
    | 'cap'
    | 'breaker'
    | 'operator'
    | 'inconclusive'
    | 'recovery'
    | 'nodes'
    | 'metric';
  readonly text: string;
}

/** A route whose requests all go to X, outside the comparison. */
export interface ParkedRoute {
  readonly name: string;
  /** Slot of its counters when it was parked; a later process may give it another. */
  readonly slot: number;
  readonly sinceMs: number;
  /** Why, in words. */
  readonly text: string;
}

/** A start whose checks failed. */
export interface FailedStart {
  /** Of the rollout that was not started. */
  readonly id: string;
  readonly atMs: number;
  /** What was missing, in words. */
  readonly text: string;
}

/**
 * Routes stay parked through all phases until a rollout is reverted or started, or somebody takes them back.
 */
interface Parking {
  /** Oldest first; absent when there are none. */
  readonly parked?: readonly ParkedRoute[];
}

export type RolloutState = PhaseState & Parking;

type PhaseState =
  | {
      readonly phase: 'idle';
      readonly weightPpm: number;
      /**
       * Salt of the last rollout, so that a split set by hand moves as few sticky clients as possible; absent
       * before the first.
       */
      readonly salt?: number;
      /** The last start, when its checks failed; absent when it did not. */
      readonly failedStart?: FailedStart;
    }
  | {
      readonly phase: 'preflight';
      readonly plan: RolloutPlan;
      readonly weightPpm: 0;
      readonly sinceMs: number;
      /** What the start waits for although the checks have passed; absent while they run. */
      readonly hold?: HoldReason;
    }
  | {
      readonly phase: 'ramping';
      readonly plan: RolloutPlan;
      readonly stepIndex: number;
      readonly weightPpm: number;
      readonly stepSinceMs: number;
      readonly hold: HoldReason | null;
      /** Since when Y has had no healthy node while X had one; null while it has. */
      readonly yDownSinceMs: number | null;
      /** When it was told that the step is stuck; absent before. */
      readonly stuckSinceMs?: number;
    }
  | {
      readonly phase: 'paused';
      readonly plan: RolloutPlan;
      /** What resume goes back to. */
      readonly from: 'ramping' | 'soaking';
      readonly stepIndex: number;
      /** Differs from the step's weight after a split set by hand. */
      readonly weightPpm: number;
      readonly sinceMs: number;
      readonly reason: string;
      readonly yDownSinceMs: number | null;
    }
  | {
      readonly phase: 'soaking';
      readonly plan: RolloutPlan;
      readonly stepIndex: number;
      readonly weightPpm: number;
      readonly sinceMs: number;
      readonly hold: HoldReason | null;
      readonly yDownSinceMs: number | null;
      /** When it was told that the soak is stuck; absent before. */
      readonly stuckSinceMs?: number;
    }
  | {
      readonly phase: 'completed';
      readonly plan: RolloutPlan;
      readonly weightPpm: 1_000_000;
      readonly sinceMs: number;
    }
  | {
      readonly phase: 'reverted';
      readonly plan: RolloutPlan;
      readonly weightPpm: 0;
      readonly sinceMs: number;
      /** Y's share when it was reverted. */
      readonly fromWeightPpm: number;
      readonly stepIndex: number;
      readonly cause: RevertCause;
    };
