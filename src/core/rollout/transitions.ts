// The moves between states, each with its effects in the one order that is safe: what gives Y more is
// recorded before it is published, what gives Y less is published before it is recorded.
import { PPM } from '#src/limits.ts';
import { soakWeightPpm } from './plan.ts';
import type { RolloutEffect, StepResult, Transition } from './rollout-effect.ts';
import type { HoldReason, RevertCause, RolloutPlan, RolloutState } from './rollout-state.ts';

export type StateOf<P extends RolloutState['phase']> = Extract<RolloutState, { phase: P }>;
/** States in which Y is compared with X. */
export type RunningState = StateOf<'ramping' | 'paused' | 'soaking'>;

/** Who moves the rollout, why, and on which numbers. */
export interface Move {
  readonly atMs: number;
  readonly name: Transition['name'];
  readonly actor: string;
  readonly reason: string;
  readonly evidence: unknown;
}

export const percent = (ppm: number): string => `${ppm / 10_000} %`;

/** The phase as it reads after "the rollout is". */
export const phaseText = ({ phase }: RolloutState): string =>
  phase === 'preflight' ? 'in preflight' : phase;

export const refuse = (state: RolloutState, text: string): StepResult => ({
  ok: false,
  refusal: { text, phase: state.phase },
});

/** The same state, or one that differs only in what it waits for: nothing to record or publish. */
export const stay = (state: RolloutState): StepResult => ({ ok: true, state, effects: [] });

const saltOf = (state: RolloutState): number =>
  state.phase === 'idle' ? (state.salt ?? 0) : state.plan.salt;

/**
 * The same state, published again. What was asked for is the case already, and a change that is still being
 * recorded must not undo it.
 */
export const publishAgain = (state: RolloutState): StepResult => ({
  ok: true,
  state,
  effects: [{ type: 'publish', weightPpm: state.weightPpm, salt: saltOf(state) }],
});

/** The parked routes of a state, for the one that follows it. */
export const parkedOf = ({ parked }: RolloutState): Pick<RolloutState, 'parked'> =>
  parked === undefined ? {} : { parked };

/** Ends the parking of all routes of a state. */
export const unparkAll = ({ parked = [] }: RolloutState): RolloutEffect[] =>
  parked.map(({ slot, name }) => ({ type: 'unpark-route', slot, name }));

/** Moves to a state with the same split: records the move, then has `also` done. */
export function record(
  from: RolloutState,
  to: RolloutState,
  move: Move,
  also: RolloutEffect[] = [],
): StepResult {
  const transition: Transition = { ...move, from, to };
  return {
    ok: true,
    state: to,
    effects: [{ type: 'persist', transition }, ...also, { type: 'notify', transition }],
  };
}

/**
 * Moves to a state with another split, in the safe order. `resets` run before traffic sees the new split;
 * `publishedWeightPpm` is what the workers use now, where that is not what was recorded.
 */
export function shift(
  from: RolloutState,
  to: RolloutState,
  move: Move,
  resets: RolloutEffect[] = [],
  publishedWeightPpm: number = from.weightPpm,
): StepResult {
  const publish: RolloutEffect = { type: 'publish', weightPpm: to.weightPpm, salt: saltOf(to) };
  if (to.weightPpm >= publishedWeightPpm) return record(from, to, move, [...resets, publish]);
  const transition: Transition = { ...move, from, to };
  return {
    ok: true,
    state: to,
    effects: [publish, ...resets, { type: 'persist', transition }, { type: 'notify', transition }],
  };
}

type StepReset = Extract<RolloutEffect, { type: 'reset-step-analysis' }>;

/** Y's share after step `index`, for which that step gathers evidence. */
const nextWeightPpm = (plan: RolloutPlan, index: number): number => plan.stepsPpm[index + 1] ?? PPM;

export const resetStep = (plan: RolloutPlan, index: number): StepReset => ({
  type: 'reset-step-analysis',
  nextWeightPpm: nextWeightPpm(plan, index),
});

/** The state at the beginning of a step: the one of 100 % is the soak. */
export function stateAtStep(
  plan: RolloutPlan,
  stepIndex: number,
  atMs: number,
  hold: HoldReason | null = null,
): StateOf<'ramping' | 'soaking'> {
  const step = plan.stepsPpm[stepIndex];
  if (step === undefined || step === PPM)
    return {
      phase: 'soaking',
      plan,
      stepIndex: plan.stepsPpm.length - 1,
      weightPpm: soakWeightPpm(plan),
      sinceMs: atMs,
      hold,
      yDownSinceMs: null,
    };
  return {
    phase: 'ramping',
    plan,
    stepIndex,
    weightPpm: step,
    stepSinceMs: atMs,
    hold,
    yDownSinceMs: null,
  };
}

/** Whether Y is compared with X, so that a verdict on it means something. */
export const isRunning = (state: RolloutState): state is RunningState =>
  state.phase === 'ramping' || state.phase === 'paused' || state.phase === 'soaking';

/** Y has everything but the holdback, or had it when the rollout was paused. */
export const isSoaking = (state: RolloutState): boolean =>
  state.phase === 'soaking' || (state.phase === 'paused' && state.from === 'soaking');

/**
 * The same step from its beginning: bake, time-out and soak count from now on. A paused step begins when it
 * is resumed.
 */
export function begunAnew(from: RunningState, hold: HoldReason | null, atMs: number): RunningState {
  switch (from.phase) {
    case 'ramping':
      return { ...withoutStuck(from), stepSinceMs: atMs, hold };
    case 'soaking':
      return { ...withoutStuck(from), sinceMs: atMs, hold };
    case 'paused':
      return from;
  }
}

function withoutStuck<S extends StateOf<'ramping' | 'soaking'>>({ stuckSinceMs: _, ...state }: S) {
  return state;
}

/** Begins step `stepIndex`. */
export function enterStep(
  from: StateOf<'preflight'> | RunningState,
  stepIndex: number,
  move: Omit<Move, 'name'>,
  resets: RolloutEffect[] = [],
): StepResult {
  const to = { ...stateAtStep(from.plan, stepIndex, move.atMs), ...parkedOf(from) };
  const name = to.phase === 'soaking' ? 'soak' : 'step';
  return shift(from, to, { ...move, name }, [...resets, resetStep(from.plan, to.stepIndex)]);
}

/**
 * Gives Y everything but the routes that are parked. Whoever completes without them knows that they stay on
 * X.
 */
export function complete(from: RunningState, move: Omit<Move, 'name'>): StepResult {
  const { plan } = from;
  const to: RolloutState = {
    phase: 'completed',
    plan,
    weightPpm: PPM,
    sinceMs: move.atMs,
    ...parkedOf(from),
  };
  return shift(from, to, { ...move, name: 'completed' });
}

/** Everything to X: published first, so that nothing can hold it back. */
export function revert(
  from: StateOf<'preflight' | 'completed'> | RunningState,
  cause: RevertCause,
  move: Omit<Move, 'name'>,
): StepResult {
  const { plan, weightPpm } = from;
  const to: RolloutState = {
    phase: 'reverted',
    plan,
    weightPpm: 0,
    sinceMs: move.atMs,
    fromWeightPpm: weightPpm,
    stepIndex: stepIndexOf(from),
    cause,
  };
  const transition: Transition = { ...move, name: 'reverted', from, to };
  return {
    ok: true,
    state: to,
    effects: [
      { type: 'publish', weightPpm: 0, salt: plan.salt },
      ...unparkAll(from),
      { type: 'persist', transition },
      { type: 'notify', transition },
    ],
  };
}

function stepIndexOf(state: StateOf<'preflight' | 'completed'> | RunningState): number {
  if (state.phase === 'preflight') return 0;
  return state.phase === 'completed' ? state.plan.stepsPpm.length - 1 : state.stepIndex;
}
