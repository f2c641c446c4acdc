// What operators can do to a rollout by hand, and the words in which they are refused where it would be
// wrong.
import { unreachable } from '#src/base/assert.ts';
import { PPM } from '#src/limits.ts';
import type { StepResult } from './rollout-effect.ts';
import type { RolloutEvent } from './rollout-event.ts';
import type { RolloutState } from './rollout-state.ts';
import {
  complete,
  enterStep,
  isRunning,
  isSoaking,
  type Move,
  parkedOf,
  percent,
  phaseText,
  publishAgain,
  record,
  refuse,
  resetStep,
  revert,
  type StateOf,
  shift,
  stateAtStep,
} from './transitions.ts';

type Command = Extract<RolloutEvent, { type: 'command' }>;
type SetSplit = Extract<RolloutEvent, { type: 'set-split' }>;

/** Carries out a command, or refuses it. */
export function stepOnCommand(state: RolloutState, command: Command): StepResult {
  switch (command.name) {
    case 'pause':
      return pause(state, command);
    case 'resume':
      return resume(state, command);
    case 'advance':
      return advance(state, command);
    case 'promote':
      return promote(state, command);
    case 'complete':
      return finish(state, command);
    case 'revert':
      return goBack(state, command);
    default:
      return unreachable(command.name);
  }
}

const by = ({ atMs, actor, reason }: Command | SetSplit): Omit<Move, 'name'> => ({
  atMs,
  actor,
  reason,
  evidence: null,
});

/** Refuses a command that does not fit the phase; `hint` says what would fit. */
const refuseIn = (state: RolloutState, command: Command, hint: string): StepResult =>
  refuse(state, `cannot ${command.name}: the rollout is ${phaseText(state)}; ${hint}`);

function pause(state: RolloutState, command: Command): StepResult {
  if (state.phase !== 'ramping' && state.phase !== 'soaking')
    return refuseIn(state, command, 'only one that is ramping or soaking can be paused');
  const { phase: from, plan, stepIndex, weightPpm, yDownSinceMs } = state;
  const { atMs, reason } = command;
  const to: RolloutState = {
    phase: 'paused',
    plan,
    from,
    stepIndex,
    weightPpm,
    sinceMs: atMs,
    reason,
    yDownSinceMs,
    ...parkedOf(state),
  };
  return record(state, to, { ...by(command), name: 'paused' });
}

/** Goes back to the step at the step's own weight, and watches it for its full time again. */
function resume(state: RolloutState, command: Command): StepResult {
  if (state.phase !== 'paused') return refuseIn(state, command, 'only a paused one can be resumed');
  const { plan, stepIndex, weightPpm } = state;
  const to = { ...stateAtStep(plan, stepIndex, command.atMs), ...parkedOf(state) };
  const move: Move = { ...by(command), name: 'resumed' };
  if (to.weightPpm === weightPpm) return record(state, to, move);
  return shift(state, to, move, [resetStep(plan, stepIndex)]);
}

function advance(state: RolloutState, command: Command): StepResult {
  if (state.phase === 'paused') return refuseIn(state, command, 'resume it first');
  if (state.phase === 'soaking')
    return refuseIn(state, command, 'it is at its last step, which complete ends');
  if (state.phase !== 'ramping') return refuseIn(state, command, 'only one that is ramping can advance');
  return enterStep(state, state.stepIndex + 1, by(command));
}

function promote(state: RolloutState, command: Command): StepResult {
  if (isSoaking(state)) return refuseIn(state, command, 'it has reached its last step already');
  if (state.phase !== 'ramping' && state.phase !== 'paused')
    return refuseIn(state, command, 'only one that is ramping or paused can be promoted');
  return enterStep(state, state.plan.stepsPpm.length - 1, by(command));
}

function finish(state: RolloutState, command: Command): StepResult {
  if (!isRunning(state) || !isSoaking(state))
    return refuseIn(state, command, 'only one that soaks can be completed; promote takes it there');
  return complete(state, by(command));
}

function goBack(state: RolloutState, command: Command): StepResult {
  switch (state.phase) {
    case 'idle':
      if (state.weightPpm === 0) return publishAgain(state);
      return shift(state, { ...state, weightPpm: 0 }, { ...by(command), name: 'reverted' });
    case 'reverted':
      return publishAgain(state);
    case 'preflight':
    case 'ramping':
    case 'paused':
    case 'soaking':
    case 'completed':
      return revert(state, { name: 'operator', text: command.reason }, by(command));
    default:
      return unreachable(state);
  }
}

/** Sets Y's share by hand: where no rollout runs, or where it is paused. */
export function stepOnSetSplit(state: RolloutState, event: SetSplit): StepResult {
  const { weightPpm } = event;
  if (!Number.isInteger(weightPpm) || weightPpm < 0 || weightPpm > PPM)
    return refuse(state, `cannot set the split: ${percent(weightPpm)} is not a share from 0 % to 100 %`);
  const move: Move = { ...by(event), name: 'split-set' };
  switch (state.phase) {
    case 'idle':
      return shift(state, { ...state, weightPpm }, move);
    case 'completed':
    case 'reverted':
      return shift(state, { phase: 'idle', weightPpm, salt: state.plan.salt, ...parkedOf(state) }, move);
    case 'paused':
      return shift(state, { ...state, weightPpm }, move);
    case 'preflight':
    case 'ramping':
    case 'soaking':
      return refuseSplit(state);
    default:
      return unreachable(state);
  }
}

function refuseSplit(state: StateOf<'preflight' | 'ramping' | 'soaking'>): StepResult {
  const hint = state.phase === 'preflight' ? 'revert it first' : 'pause or revert it first';
  return refuse(
    state,
    `cannot set the split: the rollout is ${phaseText(state)} and sets it itself; ${hint}`,
  );
}
