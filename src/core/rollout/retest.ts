// Latency or status codes look worse on Y, and are to be tested again before that reverts: the rollout stays at its weight, and
// its step begins anew.
import type { RetestKind } from '#src/core/analysis/verdict.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { HoldReason } from './rollout-state.ts';
import { type RunningState, record } from './transitions.ts';

/**
 * Holds and tests again. Recorded, but not before it is done: neither Y nor X gets more by it, and without a record a restart would
 * only notice the same once more.
 */
export function retest(
  from: RunningState,
  kinds: readonly RetestKind[],
  { atMs, verdict }: Extract<RolloutEvent, { type: 'tick' }>,
): StepResult {
  const hold: HoldReason = { name: 'retest', text: verdict.text };
  const move = {
    atMs,
    name: 'retest',
    actor: 'analysis',
    reason: verdict.text,
    evidence: verdict,
  } as const;
  return record(from, begunAnew(from, hold, atMs), move, [{ type: 'retest-analysis', kinds }]);
}

/** The bake, the time-out and the soak count from the retest on, which has to have room in them. */
function begunAnew(from: RunningState, hold: HoldReason, atMs: number): RunningState {
  switch (from.phase) {
    case 'ramping':
      return { ...from, stepSinceMs: atMs, hold };
    case 'soaking':
      return { ...from, sinceMs: atMs, hold };
    case 'paused':
      return from;
  }
}
