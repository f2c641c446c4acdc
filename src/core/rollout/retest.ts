// Latency or status codes look worse on Y, and are to be tested again before that reverts: the rollout stays
// at its weight, and its step begins anew.
import type { RetestKind } from '#src/core/analysis/verdict.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { HoldReason } from './rollout-state.ts';
import { begunAnew, type RunningState, record } from './transitions.ts';

/**
 * Holds the step and tests again. The transition is recorded after it took effect, because neither cluster
 * gets more traffic by it. It has to be recorded, or a restart would find the same evidence once more.
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
  // The step's times begin anew, so that the retest fits into them.
  return record(from, begunAnew(from, hold, atMs), move, [{ type: 'retest-analysis', kinds }]);
}
