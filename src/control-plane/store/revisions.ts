// Numbers for the changes of a rollout, larger with each, also over restarts and while nothing can be read:
// the last one plus one, or the time in milliseconds when that is larger. And which of them the store and the
// mark have.
export class Revisions {
  readonly #epochMs: () => number;
  readonly #waiting = new Set<() => void>();
  #last = 0;
  /** Of the last change that has happened, whether it was recorded first or not. */
  #happened = 0;
  #kept = 0;

  constructor(epochMs: () => number) {
    this.#epochMs = epochMs;
  }

  /** The last one that was given. */
  get last(): number {
    return this.#last;
  }

  /** The next one. */
  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#epochMs()));
    return this.#last;
  }

  /** Takes note of one that was given by somebody else; those to come are larger. */
  seen(revision: number): void {
    this.#last = Math.max(this.#last, revision);
  }

  /** It has happened and cannot be refused any more. */
  happened(revision: number): void {
    this.#happened = Math.max(this.#happened, revision);
  }

  /** It is on a disk, in the store or in the mark, and with it what it led to. */
  kept(revision: number): void {
    this.#kept = Math.max(this.#kept, revision);
    if (this.isKept) for (const resolve of [...this.#waiting]) resolve();
  }

  /** Whether all that has happened is on a disk. */
  get isKept(): boolean {
    return this.#kept >= this.#happened;
  }

  /**
   * Resolves with whether all that has happened is on a disk, as soon as it is, at the latest after `msMax`.
   */
  async whenKept(msMax: number): Promise<boolean> {
    if (!this.isKept)
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          clearTimeout(late);
          this.#waiting.delete(settle);
          resolve();
        };
        const late = setTimeout(settle, msMax);
        this.#waiting.add(settle);
      });
    return this.isKept;
  }
}
