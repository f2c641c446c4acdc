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

/** What an operator wants in spite of what speaks against it. */
interface Insistence {
  readonly override?: boolean;
  readonly force?: boolean;
}

/**
 * Carries out what an operator wants, unless it would give Y more while that is frozen or outside the change
 * windows, or send everything to an X that is down while Y is not. With `override` and `force`, in this
 * order, it does so all the same, and the record says that it did.
 */
export async function dispatchWhenOpen(
  event: Manual,
  { override = false, force = false }: Insistence,
  context: ApiContext,
): Promise<Outcome> {
  const { rollout, signals } = context;
  const result = rollout.decide(event);
  const current = rolloutView(rollout.state);
  const closed = givesMore(result, context) ? signals.closedText() : null;
  if (closed !== null && !override) {
    const detail = `not now: ${closed}; a revert is possible, and "override": true goes ahead and is recorded`;
    throw new ApiProblem('wrongState', detail, { current });
  }
  const dead = emptiesY(result, context) ? deadXText(context) : null;
  if (dead !== null && !force) {
    const detail = `${dead}: every request would fail; "force": true, or --force, sends them there all the same`;
    throw new ApiProblem('xUnhealthy', detail, { current });
  }
  const against = closed === null ? dead && `forced: ${dead}` : `overrides: ${closed}`;
  if (against === null) return new Promise((settled) => rollout.apply(result, settled));
  const reason = `${event.reason === '' ? '' : `${event.reason}; `}${against}`;
  return dispatched({ ...event, reason }, context);
}

/** Whether everything goes to X with it, and does not yet. */
const emptiesY = (result: StepResult, { sink }: ApiContext): boolean =>
  sink.current().weightPpm > 0 &&
  result.ok &&
  result.effects.some((effect) => effect.type === 'publish' && effect.weightPpm === 0);

/** Null unless Y has nodes that can take traffic, and X has none. */
function deadXText({ directory }: ApiContext): string | null {
  const usableY = directory.usableCount('y');
  if (usableY === 0 || directory.usableCount('x') > 0) return null;
  return `X has no healthy node, and Y has ${usableY}`;
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
