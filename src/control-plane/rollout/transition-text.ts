// A transition in words, for the record and the log.

import { unreachable } from '#src/base/assert.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';

/** One sentence: what happened, and why when a reason was given. */
export function transitionText(transition: Transition): string {
  const reason = whyItHappened(transition).trim().replace(/\.$/, '');
  return reason === '' ? `${whatHappened(transition)}.` : `${whatHappened(transition)}: ${reason}.`;
}

/** The reason of a revert is its cause, whose text does not repeat that it was one. */
const whyItHappened = ({ name, to, reason }: Transition): string =>
  name === 'reverted' && to.phase === 'reverted' ? to.cause.text : reason;

function whatHappened({ name, from, to }: Transition): string {
  const weight = `${percentOf(to.weightPpm)} % on Y`;
  switch (name) {
    case 'started':
      return 'Rollout started, checks are running';
    case 'preflight-failed':
      return 'Rollout not started, checks have failed';
    case 'step':
      return `Step ${stepNumber(to)}, ${weight}`;
    case 'paused':
      return `Rollout paused with ${weight}`;
    case 'resumed':
      return `Rollout resumed with ${weight}`;
    case 'soak':
      return `Soaking with ${weight}`;
    case 'completed':
      return `Rollout completed, ${weight}`;
    case 'reverted':
      if (to.phase === 'idle') return `Back to X from ${percentOf(from.weightPpm)} % on Y set by hand`;
      return `Reverted to X from ${percentOf(from.weightPpm)} % on Y`;
    case 'split-set':
      return `Split set by hand, ${weight}`;
    case 'route-parked':
      return `Parked on X, ${weight} for the rest`;
    case 'route-unparked':
      return `Back in the split with ${weight}: ${returned(from, to)}`;
    case 'retest':
      return `Held to test again, ${weight}`;
    case 'stuck':
      return to.phase === 'soaking'
        ? `The soak is stuck, ${weight}`
        : `Step ${stepNumber(to)} is stuck, ${weight}`;
    case 'recovered':
      return `Rollout recovered with ${weight}`;
    default:
      return unreachable(name);
  }
}

function stepNumber(state: Transition['to']): string {
  return 'stepIndex' in state ? `${state.stepIndex + 1} of ${state.plan.stepsPpm.length}` : '';
}

/** The routes that are parked no more. */
function returned(from: Transition['from'], to: Transition['to']): string {
  const left = new Set(to.parked?.map(({ name }) => name));
  const names = (from.parked ?? []).filter(({ name }) => !left.has(name)).map(({ name }) => name);
  return `route ${names.join(', ')}`;
}
