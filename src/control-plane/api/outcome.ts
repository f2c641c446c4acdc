// What became of a rollout event, as a response: the rollout as it is now, or the refusal.
import type { Outcome } from '../rollout-service.ts';
import { rolloutView } from '../status.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem } from './problem.ts';

/** Passes when the event was applied; throws 409 with the present state, or 503 when it could not be recorded. */
export function requireApplied(outcome: Outcome, context: ApiContext): void {
  if (outcome.ok) return;
  const current = rolloutView(context.rollout.state);
  if (outcome.kind === 'refused') throw new ApiProblem('wrongState', outcome.refusal.text, { current });
  throw new ApiProblem('storeUnavailable', outcome.problem.text, { current });
}
