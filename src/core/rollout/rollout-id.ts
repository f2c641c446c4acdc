// Which rollout something belongs to. A state has at most one; a transition has two states, so for it there
// are two answers: one for the record and one for those who are notified.
import type { Transition } from './rollout-effect.ts';
import type { RolloutState } from './rollout-state.ts';

/** The rollout of a state; null when it has none, as while Y's share is set by hand. */
export const rolloutIdOf = (state: RolloutState): string | null => ('plan' in state ? state.plan.id : null);

/**
 * The rollout under which a transition is put on record: the one that it leads to. One that leads to no
 * rollout is put under the one that it leaves only if it ended that one, which is so after checks that
 * failed. A split that is set by hand after a rollout has ended belongs to none.
 */
export function recordedRolloutId({ name, from, to }: Transition): string | null {
  return rolloutIdOf(to) ?? (name === 'preflight-failed' ? rolloutIdOf(from) : null);
}

/**
 * The rollout that a notification names: the one that the transition leads to, otherwise the one that it
 * leaves.
 */
export const notifiedRolloutId = ({ from, to }: Pick<Transition, 'from' | 'to'>): string | null =>
  rolloutIdOf(to) ?? rolloutIdOf(from);
