// The rollout as a pure function: a state and an event in, the next state and what to do about it out, in
// order. It knows neither clock nor store nor traffic; the control plane carries the effects out.
import { unreachable } from '#src/base/assert.ts';
import { stepOnCommand, stepOnSetSplit } from './operator-step.ts';
import { unpark } from './parking.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { RolloutState } from './rollout-state.ts';
import { type GatedMove, holdBefore, type Signals } from './signals.ts';
import { holdByNodes, stepOnTick, storeHold } from './tick-step.ts';
import {
  enterStep,
  parkedOf,
  percent,
  phaseText,
  record,
  refuse,
  revert,
  type StateOf,
  shift,
  stateAtStep,
  stay,
  unparkAll,
} from './transitions.ts';

/** What the event does to the rollout. Refusals change nothing and say why; nothing throws. */
export function step(state: RolloutState, event: RolloutEvent): StepResult {
  switch (event.type) {
    case 'start':
      return start(state, event);
    case 'preflight-passed':
    case 'preflight-failed':
      return finishPreflight(state, event);
    case 'tick':
      return tick(state, event);
    case 'command':
      return stepOnCommand(state, event);
    case 'set-split':
      return stepOnSetSplit(state, event);
    case 'unpark':
      return unpark(state, event);
    case 'recovered':
      return recover(state, event);
    default:
      return unreachable(event);
  }
}

type EventOf<T extends RolloutEvent['type']> = Extract<RolloutEvent, { type: T }>;

/** A rollout starts only while Y has no traffic, so that the comparison and the steps begin at the bottom. */
function start(state: RolloutState, { atMs, plan }: EventOf<'start'>): StepResult {
  switch (state.phase) {
    case 'idle':
    case 'reverted':
    case 'completed':
      break;
    case 'preflight':
    case 'ramping':
    case 'paused':
    case 'soaking':
      return refuse(
        state,
        `cannot start: rollout ${state.plan.id} is ${phaseText(state)}; revert or complete it first`,
      );
    default:
      return unreachable(state);
  }
  if (state.weightPpm > 0)
    return refuse(
      state,
      `cannot start: Y has ${percent(state.weightPpm)} of the traffic; revert to 0 % first`,
    );
  const to: RolloutState = { phase: 'preflight', plan, weightPpm: 0, sinceMs: atMs };
  const move = { atMs, name: 'started', actor: plan.startedBy, reason: plan.reason, evidence: null } as const;
  return record(state, to, move, [...unparkAll(state), { type: 'run-preflight' }]);
}

function finishPreflight(
  state: RolloutState,
  event: EventOf<'preflight-passed' | 'preflight-failed'>,
): StepResult {
  if (state.phase !== 'preflight')
    return refuse(state, `no checks before a start are awaited: the rollout is ${phaseText(state)}`);
  const { atMs } = event;
  const by = { atMs, actor: 'crossover', evidence: null };
  if (event.type === 'preflight-failed') {
    const { id, salt } = state.plan;
    const failedStart = { id, atMs, text: event.text };
    const to: RolloutState = { phase: 'idle', weightPpm: 0, salt, failedStart };
    return record(state, to, { ...by, name: 'preflight-failed', reason: event.text });
  }
  return enterWhenOpen(state, atMs, event.signals);
}

/**
 * A start that waits may have passed its checks days ago, so the nodes are looked at again. The breaker is
 * not: without traffic for Y nothing could close it, and it begins closed with Y's first share.
 */
function stepWaiting(state: StateOf<'preflight'>, { atMs, facts }: EventOf<'tick'>): StepResult {
  const hold = holdByNodes(facts) ?? (facts.storeWritable ? null : storeHold);
  return hold === null ? enterWhenOpen(state, atMs, facts.signals) : stay({ ...state, hold });
}

/** The first step, or what it waits for. Its checks have passed. */
function enterWhenOpen(state: StateOf<'preflight'>, atMs: number, signals: Signals | undefined): StepResult {
  const goesToFull = stateAtStep(state.plan, 0, atMs).phase === 'soaking';
  const moves: readonly GatedMove[] = goesToFull ? ['start', 'full'] : ['start'];
  for (const move of moves) {
    const hold = holdBefore(move, signals);
    if (hold !== null) return stay({ ...state, hold });
  }
  const reason =
    state.hold === undefined
      ? 'all checks before the start have passed'
      : 'all checks before the start have passed, and nothing holds it any more';
  const by = { atMs, actor: 'crossover', evidence: null };
  return enterStep(state, 0, { ...by, reason }, [{ type: 'reset-rollout-analysis' }]);
}

function tick(state: RolloutState, event: EventOf<'tick'>): StepResult {
  switch (state.phase) {
    case 'ramping':
    case 'paused':
    case 'soaking':
      return stepOnTick(state, event);
    case 'preflight':
      if (state.hold === undefined) return stay(state);
      return stepWaiting(state, event);
    case 'idle':
    case 'completed':
    case 'reverted':
      return stay(state);
    default:
      return unreachable(state);
  }
}

/**
 * Settles a difference between the split on record and the one that the workers use. A revert always
 * publishes 0 %, and before it is recorded, so a published 0 % counts as a revert that was cut short. Any
 * other published share below the record is an advance that was recorded and not published yet; while paused
 * it can also be a split that was lowered by hand and not recorded yet.
 */
function recover(state: RolloutState, event: EventOf<'recovered'>): StepResult {
  const { atMs, publishedWeightPpm } = event;
  if (publishedWeightPpm === state.weightPpm) return stay(state);
  const difference = `the workers gave Y ${percent(publishedWeightPpm)}, ${percent(state.weightPpm)} was recorded`;
  const by = { atMs, actor: 'crossover', evidence: null };
  switch (state.phase) {
    case 'idle':
    case 'paused':
      if (publishedWeightPpm > state.weightPpm) return republish(state, event, difference);
      if (state.phase === 'paused' && publishedWeightPpm === 0) break;
      return shift(
        state,
        { ...state, weightPpm: publishedWeightPpm },
        { ...by, name: 'recovered', reason: `${difference}; the lower one stays` },
      );
    case 'preflight':
    case 'reverted':
      return republish(state, event, difference);
    case 'ramping':
    case 'soaking':
    case 'completed':
      if (publishedWeightPpm === 0) break;
      if (event.keepsLower !== true || publishedWeightPpm > state.weightPpm)
        return republish(state, event, difference);
      return shift(state, heldAt(state, publishedWeightPpm, atMs, difference), {
        ...by,
        name: 'recovered',
        reason: `${difference}; the lower one stays`,
      });
    default:
      return unreachable(state);
  }
  const text = `${difference}: a revert was cut short by a restart and is finished now`;
  return revert(state, { name: 'recovery', text }, { ...by, reason: text });
}

/**
 * The rollout with a smaller share than its step has: paused there, or, when it was complete, a split set by
 * hand.
 */
function heldAt(
  state: StateOf<'ramping' | 'soaking' | 'completed'>,
  weightPpm: number,
  sinceMs: number,
  reason: string,
): RolloutState {
  const { plan } = state;
  if (state.phase === 'completed') return { phase: 'idle', weightPpm, salt: plan.salt, ...parkedOf(state) };
  const { phase: from, stepIndex, yDownSinceMs } = state;
  return {
    phase: 'paused',
    plan,
    from,
    stepIndex,
    weightPpm,
    sinceMs,
    reason,
    yDownSinceMs,
    ...parkedOf(state),
  };
}

/**
 * Publishes the split on record again, and when that gives Y less than it has now, before it records that.
 */
function republish(state: RolloutState, event: EventOf<'recovered'>, difference: string): StepResult {
  const reason = `${difference}; what was recorded is published again`;
  const move = { atMs: event.atMs, name: 'recovered', actor: 'crossover', reason, evidence: null } as const;
  return shift(state, state, move, [], event.publishedWeightPpm);
}
