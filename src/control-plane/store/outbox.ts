// Records that the store has not acknowledged, oldest first. Bounded: when too many wait, the oldest events
// go first, transitions and evidence last, and nothing that is under way.
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';

/** About 10 MB. */
export const queuedRecordsMax = 5_000;

export type OutgoingRecord =
  | {
      readonly kind: 'transition';
      readonly transition: Transition;
      readonly state: RolloutState;
      readonly event: RecordedEvent;
      readonly revision: number;
    }
  | { readonly kind: 'evidence'; readonly evidence: FrozenEvidence; readonly event: RecordedEvent }
  | { readonly kind: 'event'; readonly event: RecordedEvent };

interface WaitingRecord {
  record: OutgoingRecord;
  isSent: boolean;
}

export class Outbox {
  #waiting: WaitingRecord[] = [];
  #droppedCount = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Transitions among them. */
  get transitionCount(): number {
    return this.#waiting.filter(({ record: { kind } }) => kind === 'transition').length;
  }

  /** Id of the oldest event; null when nothing waits. */
  get firstEventId(): number | null {
    return this.#waiting[0]?.record.event.id ?? null;
  }

  add(record: OutgoingRecord): void {
    this.#waiting.push({ record, isSent: false });
    if (this.#waiting.length <= queuedRecordsMax) return;
    const event = this.#waiting.findIndex(({ isSent, record: { kind } }) => !isSent && kind === 'event');
    const index = event === -1 ? this.#waiting.findIndex(({ isSent }) => !isSent) : event;
    this.#waiting.splice(index, 1);
    this.#droppedCount++;
  }

  /** What is to be sent now, in order; it counts as sent. */
  send(): WaitingRecord[] {
    const unsent = this.#waiting.filter(({ isSent }) => !isSent);
    for (const waiting of unsent) waiting.isSent = true;
    return unsent;
  }

  /** What was not kept waits to be sent again. */
  answered(waiting: WaitingRecord, isKept: boolean): void {
    waiting.isSent = false;
    if (!isKept) return;
    const index = this.#waiting.indexOf(waiting);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  /** Moves all event ids up. */
  renumber(by: number): void {
    if (by === 0) return;
    for (const waiting of this.#waiting) {
      const { event } = waiting.record;
      waiting.record = { ...waiting.record, event: { ...event, id: event.id + by } };
    }
  }

  /** The newest first. */
  evidence(): FrozenEvidence[] {
    return this.#waiting
      .flatMap(({ record }) => (record.kind === 'evidence' ? [record.evidence] : []))
      .reverse();
  }
}
