// The change that waits for its record, as a pure function: what is pending and what happened in, what is
// pending now and what is to be done out, in order. At most one change waits at a time. What gives Y no more
// happens at once and takes its place. The store's answer to a change that is not waited for any longer is
// still awaited: until then nothing else may be recorded first, and a change that was recorded too late must
// be taken back, or the record would end with what never happened.
import { unreachable } from '#src/base/assert.ts';
import type { OrderedEffect, Ready } from '#src/core/rollout/ready.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import type { Ending, Outcome } from './outcome.ts';
import type { WriteAnswer } from './write-answer.ts';

/** A decision on its way. */
export interface Change {
  readonly ready: Ready;
  /** Told once what has become of it. */
  readonly settled: (outcome: Outcome) => void;
}

export type PendingChange =
  | { readonly kind: 'none' }
  /** Goes on when its transition is on record. */
  | { readonly kind: 'recording'; readonly change: Change; readonly transition: Transition }
  /** Will not be made, but the store still owes an answer about it. */
  | { readonly kind: 'given-up'; readonly transition: Transition };

type Recording = Extract<PendingChange, { kind: 'recording' }>;
type GivenUp = Extract<PendingChange, { kind: 'given-up' }>;

export const nothingPending: PendingChange = { kind: 'none' };

/** One thing to do. */
export type Act =
  | { readonly type: 'run'; readonly effects: readonly OrderedEffect[]; readonly state: RolloutState }
  /** Ask the store to record it; its answers go to `onWriteAnswer`. */
  | { readonly type: 'record'; readonly transition: Transition; readonly state: RolloutState }
  /** Show everyone the event of the change that was recorded, or forget it. */
  | { readonly type: 'announce' | 'withdraw' }
  /** Take on its state. */
  | { readonly type: 'enter'; readonly state: RolloutState }
  | { readonly type: 'start-checks' }
  | { readonly type: 'acknowledge'; readonly change: Change; readonly ending: Ending }
  /** Record that it was not made although it is on record. */
  | { readonly type: 'take-back'; readonly transition: Transition };

export interface Advance {
  readonly pending: PendingChange;
  /** In this order. */
  readonly acts: readonly Act[];
}

/** A decision is to be carried out. */
export function onChange(pending: PendingChange, change: Change): Advance {
  const { state, atOnce, recordFirst: transition } = change.ready;
  if (transition !== null) {
    if (pending.kind !== 'none') return { pending, acts: [acknowledge(change, { kind: 'busy' })] };
    const acts: Act[] = [...run(atOnce, state), { type: 'record', transition, state }];
    return { pending: { kind: 'recording', change, transition }, acts };
  }
  const acts = [...run(atOnce, state), ...finish(change)];
  // A decision without effects, such as a tick that only has another reason to hold, takes nobody's place.
  if (pending.kind !== 'recording' || atOnce.length === 0) return { pending, acts };
  return giveUp(pending, { kind: 'overtaken' }, acts);
}

/** The store has answered about the transition that is pending. */
export function onWriteAnswer(pending: PendingChange, answer: WriteAnswer): Advance {
  switch (pending.kind) {
    case 'recording':
      return onAwaitedAnswer(pending, answer);
    case 'given-up':
      return onLateAnswer(pending, answer);
    case 'none':
      throw new Error('invariant broken: the store answers what it was not asked');
    default:
      return unreachable(pending);
  }
}

function onAwaitedAnswer(pending: Recording, answer: WriteAnswer): Advance {
  const { change } = pending;
  switch (answer.kind) {
    case 'kept': {
      const { onceRecorded, state } = change.ready;
      const acts: Act[] = [{ type: 'announce' }, ...run(onceRecorded, state), ...finish(change)];
      return { pending: nothingPending, acts };
    }
    case 'refused':
      return { pending: nothingPending, acts: drop(change, notRecorded(answer.problem)) };
    case 'overdue':
      return giveUp(pending, notRecorded(answer.problem));
    default:
      return unreachable(answer);
  }
}

function onLateAnswer(pending: GivenUp, answer: WriteAnswer): Advance {
  switch (answer.kind) {
    case 'kept':
      return { pending: nothingPending, acts: [{ type: 'take-back', transition: pending.transition }] };
    case 'refused':
      return { pending: nothingPending, acts: [] };
    case 'overdue':
      return { pending, acts: [] };
    default:
      return unreachable(answer);
  }
}

const giveUp = ({ change, transition }: Recording, ending: Ending, then: readonly Act[] = []): Advance => ({
  pending: { kind: 'given-up', transition },
  acts: [...drop(change, ending), ...then],
});

const notRecorded = (problem: StoreProblem): Ending => ({ kind: 'not-recorded', problem });

const acknowledge = (change: Change, ending: Ending): Act => ({ type: 'acknowledge', change, ending });

const run = (effects: readonly OrderedEffect[], state: RolloutState): readonly Act[] =>
  effects.length === 0 ? [] : [{ type: 'run', effects, state }];

/** What a change ends with when everything has happened. */
const finish = (change: Change): readonly Act[] => [
  { type: 'enter', state: change.ready.state },
  ...(change.ready.startsChecks ? ([{ type: 'start-checks' }] as const) : []),
  acknowledge(change, { kind: 'made' }),
];

const drop = (change: Change, ending: Ending): readonly Act[] => [
  { type: 'withdraw' },
  acknowledge(change, ending),
];
