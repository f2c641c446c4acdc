// Waiting for something to become true, woken by events: the alternative to sleeping in tests.
import { hang, hangMs } from './until.ts';

interface Waiter {
  readonly predicate: () => boolean;
  readonly resolve: (met: boolean) => void;
}

export class Signal {
  readonly #waiters = new Set<Waiter>();

  /** Something happened: every waiter looks again. */
  readonly notify = (): void => {
    for (const waiter of this.#waiters) if (waiter.predicate()) waiter.resolve(true);
  };

  /**
   * Resolves as soon as the predicate holds; rejects with what was waited for, and what `seen` gives, when it
   * never does.
   */
  async until(predicate: () => boolean, what: string, seen?: () => unknown): Promise<void> {
    if (!(await this.within(predicate, hangMs))) throw hang(what, seen);
  }

  /**
   * Resolves true as soon as the predicate holds, false when `timeoutMs` went by first. For figures on how
   * long it took.
   */
  within(predicate: () => boolean, timeoutMs: number): Promise<boolean> {
    if (predicate()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (met: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(met);
      };
      const waiter: Waiter = { predicate, resolve: finish };
      const timer = setTimeout(() => finish(predicate()), timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
