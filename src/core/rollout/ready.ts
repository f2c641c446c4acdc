// What a decision is ready to do, cut at what must be on record first. Like the Ready of etcd's raft
// (https://pkg.go.dev/go.etcd.io/raft/v3#Ready) it is a value: what is published, recorded and told, and in
// which order, can be read and tested before anything has happened.
import type { RolloutEffect, Transition } from './rollout-effect.ts';
import type { RolloutState } from './rollout-state.ts';

/**
 * An effect that is carried out in its place in the list; the checks before a start come after all others.
 */
export type OrderedEffect = Exclude<RolloutEffect, { type: 'run-preflight' }>;

export interface Ready {
  /** Of the rollout, once everything has happened. */
  readonly state: RolloutState;
  /** Happens at once, in this order. A `persist` in it records what has happened already. */
  readonly atOnce: readonly OrderedEffect[];
  /** What must be on record before the rest happens; null when nothing must. */
  readonly recordFirst: Transition | null;
  /** Happens when that is on record, in this order. */
  readonly onceRecorded: readonly OrderedEffect[];
  /** Whether the checks before a start are run, after everything else. */
  readonly startsChecks: boolean;
}

interface Decision {
  readonly state: RolloutState;
  readonly effects: readonly RolloutEffect[];
}

/**
 * Cuts a decision. `publishedPpm` is Y's share that the workers use now, 0..1,000,000. `atMs` is the wall
 * clock's time, Unix epoch ms: transitions have it on record and in what is told of them, as the events
 * beside them do.
 */
export function readyOf({ state, effects }: Decision, publishedPpm: number, atMs: number): Ready {
  const ordered = effects.filter(isOrdered).map((effect) => dated(effect, atMs));
  const startsChecks = state.phase === 'preflight' && ordered.length < effects.length;
  let weightPpm = publishedPpm;
  for (const [index, effect] of ordered.entries()) {
    if (effect.type === 'publish') weightPpm = effect.weightPpm;
    const rest = ordered.slice(index + 1);
    if (effect.type !== 'persist' || !comesFirst(effect.transition, rest, weightPpm)) continue;
    const { transition: recordFirst } = effect;
    return { state, atOnce: ordered.slice(0, index), recordFirst, onceRecorded: rest, startsChecks };
  }
  return { state, atOnce: ordered, recordFirst: null, onceRecorded: [], startsChecks };
}

const isOrdered = (effect: RolloutEffect): effect is OrderedEffect => effect.type !== 'run-preflight';

const dated = (effect: OrderedEffect, atMs: number): OrderedEffect =>
  'transition' in effect ? { ...effect, transition: { ...effect.transition, atMs } } : effect;

/**
 * What gives Y more traffic does not happen unless it is on record first, nor does the start that leads
 * there.
 */
function comesFirst({ name }: Transition, rest: readonly OrderedEffect[], weightPpm: number): boolean {
  const raises = rest.some((effect) => effect.type === 'publish' && effect.weightPpm > weightPpm);
  return raises || name === 'started' || name === 'route-unparked';
}
