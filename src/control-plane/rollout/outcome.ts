// What has become of a change, for whoever asked for it.
import { unreachable } from '#src/base/assert.ts';
import type { Refusal } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { StoreProblem } from '#src/record/store-result.ts';

export type Ending =
  | { readonly kind: 'made' }
  /** Another change is being recorded. */
  | { readonly kind: 'busy' }
  /** Another change took its place before it was recorded. */
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'not-recorded'; readonly problem: StoreProblem };

/** The same in the terms of those who ask, with words. */
export type Outcome =
  | { readonly ok: true; readonly state: RolloutState }
  | { readonly ok: false; readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly ok: false; readonly kind: 'store'; readonly problem: StoreProblem };

/** The outcome, or nothing yet: the change is being recorded. */
export type Progress = Outcome | { readonly ok: false; readonly kind: 'pending' };

export const inProgress: Progress = { ok: false, kind: 'pending' };

const busyText = 'a change that gives Y more is being recorded; try again in a moment';
const overtakenText = 'It was overtaken by another change before it was recorded.';

/** `state` is the rollout's now, `storeProblem` the store's. */
export function outcomeOf(ending: Ending, state: RolloutState, storeProblem: StoreProblem | null): Outcome {
  const refused = (text: string): Outcome => ({
    ok: false,
    kind: 'refused',
    refusal: { text, phase: state.phase },
  });
  switch (ending.kind) {
    case 'made':
      return { ok: true, state };
    case 'busy':
      return storeProblem === null ? refused(busyText) : { ok: false, kind: 'store', problem: storeProblem };
    case 'overtaken':
      return refused(overtakenText);
    case 'not-recorded':
      return { ok: false, kind: 'store', problem: ending.problem };
    default:
      return unreachable(ending);
  }
}
