// Schedules lost threads to be started again: at once, or with a delay when a thread is lost again and again.
import type { Worker } from 'node:worker_threads';

/**
 * From so many crashes within a minute on, a thread is restarted with a delay: it would use a core for
 * nothing but starts.
 */
const crashesPerMinuteMax = 5;
const restartDelayMs = 2_000;

export interface ThreadSlot {
  thread: Worker | null;
  /** Times within the last minute at which it was lost. */
  crashes: number[];
}

export class Restarts {
  readonly #timers = new Set<NodeJS.Timeout>();

  schedule(slot: ThreadSlot, start: () => Promise<void>): void {
    const now = Date.now();
    slot.crashes = [...slot.crashes.filter((at) => now - at < 60_000), now];
    const delayMs = slot.crashes.length >= crashesPerMinuteMax ? restartDelayMs : 0;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void start();
    }, delayMs);
    this.#timers.add(timer);
  }

  /** Cancels all scheduled starts. */
  cancel(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
