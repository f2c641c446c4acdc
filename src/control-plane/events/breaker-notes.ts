// Puts on record that Y's breaker keeps its whole share away from it, and that it lets it through again,
// while no rollout is there to be reverted: after a completion, or with a split that was set by hand.
import { formatDuration } from '#src/core/analysis/verdict-text.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { breakerOpenRevertMs } from '#src/core/rollout/tick-step.ts';
import type { EventLog } from './event-log.ts';

export class BreakerNotes {
  readonly #events: Pick<EventLog, 'add'>;
  #isTold = false;

  constructor(events: Pick<EventLog, 'add'>) {
    this.#events = events;
  }

  /**
   * openMs: how long the breaker has been open in every worker with traffic for Y; 0 when it is not. Call it
   * every tick.
   */
  observe(openMs: number, { phase, weightPpm }: Pick<RolloutState, 'phase' | 'weightPpm'>): void {
    if (this.#isTold) {
      if (openMs === 0) this.#tellClosed(weightPpm > 0);
      return;
    }
    const isWatched = (phase === 'completed' || phase === 'idle') && weightPpm > 0;
    // As long as a rollout would wait before it reverts: a breaker that opens for a moment is no event.
    if (!isWatched || openMs < breakerOpenRevertMs) return;
    this.#isTold = true;
    const unless = phase === 'completed' ? ' X must not be taken down.' : '';
    this.#events.add({
      name: 'breaker-opened',
      level: 'error',
      text: `Y's breaker has been open in all workers for ${formatDuration(breakerOpenRevertMs)}: Y's share goes to X.${unless}`,
      detail: { phase, weightPpm },
    });
  }

  /** Without a share the breaker sends nothing to X any more, and starts afresh with the next one. */
  #tellClosed(hasShare: boolean): void {
    this.#isTold = false;
    const text = hasShare
      ? "Y's breaker has closed: Y gets its share again."
      : "Y's breaker no longer matters: Y has no share.";
    this.#events.add({ name: 'breaker-closed', text });
  }
}
