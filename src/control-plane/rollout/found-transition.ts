// A change that was acknowledged but not on record when the process ended, as a transition for the record.
import type { FoundChange } from '#src/control-plane/store/newest-rollout.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';

const keptBy: Readonly<Record<FoundChange['source'], string>> = {
  mark: 'only the mark beside it had it',
  predecessor: 'only the process before knew of it',
};

/** `atMs`: now, by the wall clock; when it really happened is in its words. */
export function foundTransition({ recorded, change, source }: FoundChange, atMs: number): Transition {
  const { name, actor, reason, state } = change;
  const why = reason === '' ? '' : `, "${reason}"`;
  const when = new Date(change.atMs).toISOString();
  return {
    atMs,
    name: 'recovered',
    actor: 'crossover',
    reason: `${actor} made a change (${name}${why}) at ${when} that the store could not record; ${keptBy[source]}`,
    evidence: null,
    from: recorded ?? { phase: 'idle', weightPpm: 0 },
    to: state,
  };
}
