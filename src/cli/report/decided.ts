// Reads a rollout's moves from its events: from which weight to which, and by which verdict. The record may
// have been written by another version, so the form of everything is checked before it is used.

import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';

export interface Move {
  /** Percent of Y before and after. */
  readonly from: number;
  readonly to: number;
  readonly phase: string;
  /** The verdict at that moment; null where there was none. */
  readonly verdict: Verdict | null;
  /** Whether the verdict was the reason of the move. */
  readonly isByVerdict: boolean;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The move that an event is about; null for all other events. */
export function moveOf({ name, detail }: RecordedEvent): Move | null {
  if (!name.startsWith('rollout-') || !isObject(detail)) return null;
  const { from, to, evidence, testsSaid } = detail;
  if (!isObject(from) || !isObject(to)) return null;
  return {
    from: Number(from.weight),
    to: Number(to.weight),
    phase: String(to.phase),
    verdict: isVerdict(evidence) ? evidence : isVerdict(testsSaid) ? testsSaid : null,
    isByVerdict: isVerdict(evidence),
  };
}

/** Whether the value has the members of a verdict that are used here. */
const isVerdict = (value: unknown): value is Verdict =>
  isObject(value) && typeof value.text === 'string' && Array.isArray(value.streams) && 'decision' in value;

/** By how many ms the clock was set back before an event; 0 when it was not. */
export function setBackMs(events: readonly RecordedEvent[], index: number): number {
  const [before, event] = [events[index - 1], events[index]];
  return before === undefined || event === undefined ? 0 : Math.max(0, before.atMs - event.atMs);
}
