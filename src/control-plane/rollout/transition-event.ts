// A transition as an event of the record: in words, with the states before and after and the numbers it rests
// on.
import type { EventInput } from '#src/control-plane/events/event-log.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { recordedRolloutId } from '#src/core/rollout/rollout-id.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { isRunning } from '#src/core/rollout/transitions.ts';
import { transitionText } from './transition-text.ts';

/** Transitions that somebody should look at. */
const troubles: ReadonlySet<Transition['name']> = new Set(['reverted', 'route-parked', 'retest', 'stuck']);

/** `verdict` is the last one; null before the first. */
export function transitionEvent(
  transition: Transition,
  verdict: Verdict | null,
): EventInput & { readonly level: 'info' | 'warn' } {
  const { name, actor, from, to, reason, evidence } = transition;
  return {
    name: `rollout-${name}`,
    level: troubles.has(name) ? 'warn' : 'info',
    actor,
    text: transitionText(transition),
    detail: {
      from: summaryOf(from),
      to: summaryOf(to),
      reason,
      rollout: recordedRolloutId(transition),
      evidence,
      ...testsSaid(transition, verdict),
    },
  };
}

/**
 * A rollout that is moved by hand, or because of a dead node, is moved whatever the tests say. What they said
 * is kept as well, under a name that does not make it the reason. Before the first step, the last verdict is
 * on the rollout before.
 */
function testsSaid(
  { actor, from }: Transition,
  verdict: Verdict | null,
): { readonly testsSaid?: Verdict | null } {
  if (actor === 'analysis') return {};
  const isTested = isRunning(from) || from.phase === 'completed';
  return { testsSaid: isTested ? verdict : null };
}

const summaryOf = (state: RolloutState) => ({
  phase: state.phase,
  weight: percentOf(state.weightPpm),
  step: 'stepIndex' in state ? state.stepIndex : null,
  parked: state.parked?.map(({ name }) => name) ?? [],
});
