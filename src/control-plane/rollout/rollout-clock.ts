// The time that a rollout goes by. Its state keeps Unix epoch milliseconds, for people and over restarts, but
// a wall clock can be set at any moment, and must neither skip a soak nor hold back a revert. So while a
// rollout is under way its time runs on by the monotonic clock.
import type { Clock } from '#src/base/clock.ts';

/** The rollout's time and the wall clock's at one moment, both Unix epoch ms. */
export interface KeptTime {
  readonly rolloutMs: number;
  readonly epochMs: number;
}

interface RolloutClockOptions {
  readonly clock: Clock;
  /**
   * Float64 [1]: by how much the rollout's time is ahead of the monotonic clock, ms; 0 when unset. All
   * threads of the process share that clock.
   */
  readonly memory: SharedArrayBuffer;
  /** What an earlier process kept last; null when it kept nothing, or nothing can be read. */
  readonly kept: () => KeptTime | null;
}

export class RolloutClock {
  readonly #options: RolloutClockOptions;
  readonly #ahead: Float64Array;
  /** Whether a control thread before this one has left its time in memory. */
  readonly #isInherited: boolean;

  constructor(options: RolloutClockOptions) {
    this.#options = options;
    this.#ahead = new Float64Array(options.memory);
    this.#isInherited = this.#ahead[0] !== 0;
    if (!this.#isInherited) this.followWall();
  }

  /** Whole milliseconds, as those of the wall clock are. */
  nowMs(): number {
    return Math.round((this.#ahead[0] as number) + this.#options.clock.monotonicMs());
  }

  /**
   * Takes over the wall clock's time. Used while nothing is measured, so that the next rollout begins at the
   * right time.
   */
  followWall(): void {
    this.#set(this.#options.clock.epochMs());
  }

  /**
   * Goes on with a rollout that was begun earlier, at `notBeforeMs` or later. The wall clock tells how long
   * no process ran. That it was set while one ran does not count.
   */
  takeUp(notBeforeMs: number): void {
    if (!this.#isInherited) this.#goOnFrom(this.#options.kept());
    if (this.nowMs() < notBeforeMs) this.#set(notBeforeMs);
  }

  #goOnFrom(kept: KeptTime | null): void {
    if (kept === null) return;
    const awayMs = Math.max(0, this.#options.clock.epochMs() - kept.epochMs);
    this.#set(kept.rolloutMs + awayMs);
  }

  #set(nowMs: number): void {
    this.#ahead[0] = nowMs - this.#options.clock.monotonicMs();
  }
}
