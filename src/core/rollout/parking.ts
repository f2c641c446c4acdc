// A route that is worse on Y alone goes back to X by itself, and the rest of the rollout goes on without it.
import type { BadRoute, Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutEffect, StepResult, Transition } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { HoldReason, ParkedRoute, RolloutState } from './rollout-state.ts';
import {
  begunAnew,
  isRunning,
  type Move,
  type RunningState,
  record,
  refuse,
  resetStep,
} from './transitions.ts';

/** Routes of the verdict that are not parked yet, where bad routes are to be parked. */
export function routesToPark(
  { plan, parked = [] }: RunningState,
  { badRoutes = [] }: Verdict,
): readonly BadRoute[] {
  if (plan.onBadRoute !== 'park') return [];
  return badRoutes.filter(({ name }) => parked.every((route) => route.name !== name));
}

const quoted = (routes: readonly { readonly name: string }[]): string =>
  `${routes.length === 1 ? 'route' : 'routes'} ${routes.map(({ name }) => name).join(', ')}`;

/** Takes the routes' requests away from Y, then records it: like a revert, it must not wait for a disk. */
export function park(
  from: RunningState,
  routes: readonly BadRoute[],
  { atMs, verdict }: Extract<RolloutEvent, { type: 'tick' }>,
): StepResult {
  const added = routes.map(({ slot, name, text }): ParkedRoute => ({ slot, name, text, sinceMs: atMs }));
  const to: RolloutState = { ...from, parked: [...(from.parked ?? []), ...added] };
  const transition: Transition = {
    atMs,
    name: 'route-parked',
    actor: 'analysis',
    reason: `${quoted(routes)} parked on X: ${routes.map(({ text }) => text).join('; ')}`,
    evidence: verdict,
    from,
    to,
  };
  const parkings = routes.map(({ slot, name }): RolloutEffect => ({ type: 'park-route', slot, name }));
  return {
    ok: true,
    state: to,
    effects: [...parkings, { type: 'persist', transition }, { type: 'notify', transition }],
  };
}

/**
 * Gives a parked route back to the split. This is recorded first, because it gives Y more traffic. The step,
 * or the soak, begins anew with its proof: nothing was shown yet of the requests of this route.
 */
export function unpark(
  state: RolloutState,
  { atMs, route, actor, reason }: Extract<RolloutEvent, { type: 'unpark' }>,
): StepResult {
  const { parked = [], ...rest } = state;
  const found = parked.find(({ name }) => name === route);
  if (found === undefined) {
    const known =
      parked.length === 0 ? 'no route is' : `${quoted(parked)} ${parked.length === 1 ? 'is' : 'are'}`;
    return refuse(state, `cannot unpark ${route}: it is not parked; ${known}`);
  }
  const left = parked.filter((one) => one !== found);
  const to: RolloutState = left.length === 0 ? rest : { ...rest, parked: left };
  const move: Move = { atMs, name: 'route-unparked', actor, reason, evidence: null };
  const unparking: RolloutEffect = { type: 'unpark-route', slot: found.slot, name: found.name };
  if (!isRunning(to)) return record(state, to, move, [unparking]);
  // The reset comes after the unparking, so that it covers the route as well.
  return record(state, begunAnew(to, null, atMs), move, [unparking, resetStep(to.plan, to.stepIndex)]);
}

/**
 * A rollout with parked routes does not complete by itself: a part of Y's traffic was never shown to be no
 * worse.
 */
export function holdByParked({ parked = [] }: RolloutState): HoldReason | null {
  if (parked.length === 0) return null;
  const verb = parked.length === 1 ? 'is' : 'are';
  return {
    name: 'parked',
    text: `${quoted(parked)} ${verb} parked; unpark ${parked.length === 1 ? 'it' : 'them'}, or complete without`,
  };
}
