// Protects clients in milliseconds, decides nothing: after 20 failures in a row on Y this worker sends Y's
// share to X for a second, then lets one request at a time through until one succeeds. Without a share
// nothing is drawn for Y, so nothing could close it: it starts afresh when Y gets traffic again.
import { breakerFailuresInARow, breakerOpenMs } from '#src/limits.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';

const closed = 0;
const open = 1;
const halfOpen = 2;

export class Breaker {
  /** Split epoch in which it started afresh: what was sent before says nothing about the Y of now. */
  sinceEpoch: number;
  #state: number;
  #failuresInARow: number;
  #probeAtMs: number;
  #probeIsOut: boolean;
  readonly #slab: Float64Array;
  readonly #threadClockMs: () => number;

  /** threadClockMs: monotonic ms that other threads can compare with theirs. */
  constructor(slab: Float64Array, threadClockMs: () => number) {
    this.sinceEpoch = 0;
    this.#state = closed;
    this.#failuresInARow = 0;
    this.#probeAtMs = 0;
    this.#probeIsOut = false;
    this.#slab = slab;
    this.#threadClockMs = threadClockMs;
    this.#publish();
  }

  /**
   * Y gets traffic after a time without any: its past is forgotten, and so are the outcomes of requests from
   * before `epoch`.
   */
  startAfresh(epoch: number): void {
    this.sinceEpoch = epoch;
    this.#failuresInARow = 0;
    this.#probeIsOut = false;
    this.#state = closed;
    this.#publish();
  }

  get isClosed(): boolean {
    return this.#state === closed;
  }

  /**
   * Whether a request that was assigned to Y may go there. When it may, one of the outcomes below must
   * follow.
   */
  allows(nowMs: number): boolean {
    if (this.#state === closed) return true;
    if (this.#state === open && nowMs >= this.#probeAtMs) this.#enter(halfOpen);
    if (this.#state !== halfOpen || this.#probeIsOut) return false;
    this.#probeIsOut = true;
    return true;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#probeIsOut = false;
    if (this.#state !== closed) this.#enter(closed);
  }

  failed(nowMs: number): void {
    this.#failuresInARow++;
    if (this.#state === closed && this.#failuresInARow < breakerFailuresInARow) return;
    if (this.#state === open) return;
    if (this.#state === closed) increment(this.#slab, WORKER.breakerOpens);
    this.#probeIsOut = false;
    this.#probeAtMs = nowMs + breakerOpenMs;
    this.#enter(open);
  }

  /** The request ended without saying anything about Y (the client went away). */
  abandoned(): void {
    this.#probeIsOut = false;
  }

  #enter(state: number): void {
    if (this.#state === closed) this.#slab[WORKER.breakerOpenSinceMs] = this.#threadClockMs();
    this.#state = state;
    this.#publish();
  }

  #publish(): void {
    this.#slab[WORKER.breakerState] = this.#state;
    if (this.#state === closed) this.#slab[WORKER.breakerOpenSinceMs] = 0;
  }
}
