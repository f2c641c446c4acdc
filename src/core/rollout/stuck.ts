// A step that is held longer than its time-out is stuck, whatever holds it: that is recorded and told, once a
// step, because nobody watches a rollout all the time. A rollout that somebody paused is not stuck.
import { formatDuration } from '#src/core/analysis/verdict-text.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { HoldReason } from './rollout-state.ts';
import { record, type StateOf, stay } from './transitions.ts';

/** Stays at the step for `hold`, and tells of it when that has lasted too long. */
export function holdStep(
  from: StateOf<'ramping' | 'soaking'>,
  hold: HoldReason,
  { atMs, verdict }: Extract<RolloutEvent, { type: 'tick' }>,
): StepResult {
  const to = { ...from, hold };
  const isTold = from.stuckSinceMs !== undefined;
  if (isTold || hold.name === 'bake' || atMs < stuckFromMs(from)) return stay(to);
  const move = {
    atMs,
    name: 'stuck',
    actor: 'crossover',
    reason: hold.name === 'inconclusive' ? hold.text : `${heldText(from, atMs)}: ${hold.text}`,
    evidence: verdict,
  } as const;
  return record(from, { ...to, stuckSinceMs: atMs }, move);
}

/**
 * From when on a step that is held is stuck, ms of the rollout's clock. A soak lasts its own time besides.
 */
function stuckFromMs(state: StateOf<'ramping' | 'soaking'>): number {
  const { stepTimeoutMs, soakMs } = state.plan;
  return state.phase === 'ramping'
    ? state.stepSinceMs + stepTimeoutMs
    : state.sinceMs + soakMs + stepTimeoutMs;
}

function heldText(state: StateOf<'ramping' | 'soaking'>, atMs: number): string {
  const sinceMs = state.phase === 'ramping' ? state.stepSinceMs : state.sinceMs;
  return `not over after ${formatDuration(atMs - sinceMs)}`;
}
