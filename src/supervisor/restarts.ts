// When a lost thread is started again: at once, but with a delay when it keeps being lost.
import type { Worker } from 'node:worker_threads';

/** Crashes within a minute from which on a thread is restarted with a delay. */
const crashesPerMinuteMax = 5;
const restartDelayMs = 2_000;

export interface ThreadSlot {
  thread: Worker | null;
  /** When it was lost, within the last minute. */
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

  /** What is scheduled is not started. */
  cancel(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
