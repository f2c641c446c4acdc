// Puts transitions on record, each with its event: those that have happened, and, one at a time, one that
// happens only once it is on record. The event of the latter has its number from the beginning and is shown
// to nobody before the record is there.
import { assert } from '#src/base/assert.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { RolloutStore } from './rollout-store.ts';
import { transitionEvent } from './transition-event.ts';
import { type WriteAnswer, writeCallbacks } from './write-answer.ts';

interface TransitionRecorderOptions {
  readonly store: RolloutStore;
  readonly events: Pick<EventLog, 'draft' | 'announce' | 'hold' | 'drop'>;
  /** The last verdict; null before the first. */
  readonly verdict: () => Verdict | null;
}

interface Draft {
  readonly event: RecordedEvent;
  readonly level: 'info' | 'warn';
}

export class TransitionRecorder {
  readonly #options: TransitionRecorderOptions;
  #held: Draft | null = null;
  #hasAnnounced = false;

  constructor(options: TransitionRecorderOptions) {
    this.#options = options;
  }

  /** Whether any transition has happened in this thread. */
  get hasAnnounced(): boolean {
    return this.#hasAnnounced;
  }

  /** Records what has happened already. */
  record(transition: Transition, state: RolloutState): void {
    const draft = this.#draft(transition);
    this.#announce(draft);
    this.#options.store.saveTransitionEventually(transition, state, draft.event);
  }

  /** Records what is to happen afterwards. Its event is held back until `announceHeld` or `dropHeld`. */
  recordFirst(transition: Transition, state: RolloutState, answered: (answer: WriteAnswer) => void): void {
    assert(this.#held === null, 'one transition is recorded first at a time');
    const draft = this.#draft(transition);
    this.#held = draft;
    this.#options.events.hold(draft.event);
    const callbacks = writeCallbacks(answered);
    this.#options.store.saveTransition(transition, state, draft.event, callbacks.settle, callbacks.answered);
  }

  announceHeld(): void {
    this.#announce(this.#takeHeld());
  }

  dropHeld(): void {
    this.#options.events.drop(this.#takeHeld().event);
  }

  #takeHeld(): Draft {
    const held = this.#held;
    assert(held !== null, 'a transition is being recorded');
    this.#held = null;
    return held;
  }

  #draft(transition: Transition): Draft {
    const { level, ...input } = transitionEvent(transition, this.#options.verdict());
    return { event: this.#options.events.draft(input), level };
  }

  #announce({ event, level }: Draft): void {
    this.#hasAnnounced = true;
    this.#options.events.announce(event, level);
  }
}
