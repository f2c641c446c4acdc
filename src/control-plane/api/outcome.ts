// What became of a rollout event, as a response: the rollout as it is now, or the refusal.

import type { Outcome } from '#src/control-plane/rollout/outcome.ts';
import { rolloutView } from '#src/control-plane/status/status.ts';
import type { StepResult } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem } from './problem.ts';

/**
 * How long an answer waits for the store or the mark: a disk that is well takes milliseconds. What was done
 * is done by then; the answer says whether a restart would know of it.
 */
export const recordedMsMax = 1_000;

type Manual = Extract<RolloutEvent, { type: 'command' | 'set-split' | 'unpark' }>;

/**
 * Carries out what an operator wants, unless it would give Y more while that is frozen or outside the change
 * windows. With `override` it does so all the same, and the record says that it did.
 */
export async function dispatchWhenOpen(
  event: Manual,
  override: boolean,
  context: ApiContext,
): Promise<Outcome> {
  const { rollout, signals } = context;
  const result = rollout.decide(event);
  const closed = givesMore(result, context) ? signals.closedText() : null;
  if (closed === null) return new Promise((settled) => rollout.apply(result, settled));
  if (!override) {
    const detail = `not now: ${closed}; a revert is possible, and "override": true goes ahead and is recorded`;
    throw new ApiProblem('wrongState', detail, { current: rolloutView(rollout.state) });
  }
  const reason = `${event.reason === '' ? '' : `${event.reason}; `}overrides: ${closed}`;
  return dispatched({ ...event, reason }, context);
}

/** What has become of an event, once that is known: recording it may take a moment. */
export const dispatched = (event: RolloutEvent, { rollout }: ApiContext): Promise<Outcome> =>
  new Promise((settled) => rollout.dispatch(event, settled));

function givesMore(result: StepResult, { sink }: ApiContext): boolean {
  const { weightPpm } = sink.current();
  return (
    result.ok &&
    result.effects.some(
      (effect) =>
        effect.type === 'unpark-route' || (effect.type === 'publish' && effect.weightPpm > weightPpm),
    )
  );
}

/**
 * Passes when the event was applied; throws 409 with the present state, or 503 when it could not be recorded.
 */
export function requireApplied(outcome: Outcome, context: ApiContext): void {
  if (outcome.ok) return;
  const current = rolloutView(context.rollout.state);
  if (outcome.kind === 'refused') throw new ApiProblem('wrongState', outcome.refusal.text, { current });
  throw new ApiProblem('storeUnavailable', outcome.problem.text, { current });
}
