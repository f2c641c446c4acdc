// What can happen to a rollout. Every event carries its time, which never jumps while a rollout is under way;
// commands carry who and why.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutPlan } from './rollout-state.ts';
import type { Signals } from './signals.ts';

/** Facts of the moment that the analysis does not cover. */
export interface TickFacts {
  /**
   * For how long Y's breaker has been open in every worker that got traffic for Y, ms; 0 when one of them has
   * it closed. Only time in which Y was to get traffic counts.
   */
  readonly breakerOpenMs: number;
  /** Nodes of each cluster able to take traffic. */
  readonly healthyNodesX: number;
  readonly healthyNodesY: number;
  /** Whether the store takes writes; an advance needs it, a revert does not. */
  readonly storeWritable: boolean;
  /** Metrics, gates, windows, freeze; absent where there are none. */
  readonly signals?: Signals;
}

export type RolloutCommandName = 'pause' | 'resume' | 'advance' | 'promote' | 'revert' | 'complete';
export const rolloutCommandNames: readonly RolloutCommandName[] = [
  'pause',
  'resume',
  'advance',
  'promote',
  'revert',
  'complete',
];

export type RolloutEvent =
  | { readonly type: 'start'; readonly atMs: number; readonly plan: RolloutPlan }
  /** `signals` say what a start that passed its checks may still wait for. */
  | { readonly type: 'preflight-passed'; readonly atMs: number; readonly signals?: Signals }
  | { readonly type: 'preflight-failed'; readonly atMs: number; readonly text: string }
  | { readonly type: 'tick'; readonly atMs: number; readonly verdict: Verdict; readonly facts: TickFacts }
  | {
      readonly type: 'command';
      readonly atMs: number;
      readonly name: RolloutCommandName;
      readonly actor: string;
      readonly reason: string;
    }
  | {
      readonly type: 'set-split';
      readonly atMs: number;
      readonly weightPpm: number;
      readonly actor: string;
      readonly reason: string;
    }
  /** An operator takes a parked route back. */
  | {
      readonly type: 'unpark';
      readonly atMs: number;
      readonly route: string;
      readonly actor: string;
      readonly reason: string;
    }
  /**
   * The control thread restarted and found the published split lower than the recorded one. `keepsLower`:
   * nobody knows why it is lower, so it stays.
   */
  | {
      readonly type: 'recovered';
      readonly atMs: number;
      readonly publishedWeightPpm: number;
      readonly keepsLower?: boolean;
    };
