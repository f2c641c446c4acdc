// One coarse timer for all deadlines of a worker. Moving a deadline later is one field write; the wheel finds
// out when the old place comes round. Resolution is one tick, never early.
import { IntrusiveList, ListLink } from './intrusive-list.ts';

/** Something that can have one deadline. Subclasses get `onDeadline` when it has passed. */
export abstract class Timed {
  /** Loop time in ms at which onDeadline is due; 0 when none is set. */
  deadlineMs: number = 0;
  /**
   * Place in one of the wheel's slots, and when that slot comes round: Infinity when in none. Owned by the
   * wheel.
   */
  readonly wheelLink: ListLink<Timed> = new ListLink<Timed>(this);
  wheelDueMs: number = Number.POSITIVE_INFINITY;
  abstract onDeadline(nowMs: number): void;
  /** Ends it, after an onDeadline that threw: nothing else would. */
  abstract destroy(): void;
}

const slotCount = 512;

export class TimerWheel {
  readonly tickMs: number;
  /** Loop time of the last tick: what deadlines are set relative to. */
  nowMs: number;
  readonly #slots: readonly IntrusiveList<Timed>[];
  #tick: number;
  readonly #onDefect: (error: unknown) => void;

  /** onDefect: told of what an onDeadline throws; the others that are due get theirs. */
  constructor(tickMs: number, nowMs: number, onDefect: (error: unknown) => void) {
    this.tickMs = tickMs;
    this.nowMs = nowMs;
    this.#onDefect = onDefect;
    this.#slots = Array.from({ length: slotCount }, () => new IntrusiveList<Timed>());
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** Sets the deadline `delayMs` from now, replacing the one before. */
  set(timed: Timed, delayMs: number): void {
    const due = this.nowMs + delayMs + this.tickMs;
    timed.deadlineMs = due;
    if (timed.wheelDueMs <= due) return; // found when the old place comes round
    this.#unlink(timed);
    this.#link(timed, due);
  }

  /** Forgets the deadline; its place in the wheel is dropped when it comes round. */
  clear(timed: Timed): void {
    timed.deadlineMs = 0;
  }

  /**
   * Removes every trace; must be called before the object is dropped, or the wheel keeps it alive until its
   * place comes round.
   */
  remove(timed: Timed): void {
    timed.deadlineMs = 0;
    this.#unlink(timed);
  }

  /** Fires what is due. Call once per tick; late calls catch up. */
  advance(nowMs: number): void {
    this.nowMs = nowMs;
    const target = Math.floor(nowMs / this.tickMs);
    if (target - this.#tick > slotCount) this.#tick = target - slotCount;
    while (this.#tick < target) {
      this.#tick++;
      this.#fire(this.#slots[this.#tick % slotCount] as IntrusiveList<Timed>, nowMs);
    }
  }

  /** Nothing comes into this slot meanwhile: a deadline is at least one tick away, and less than a round. */
  #fire(slot: IntrusiveList<Timed>, nowMs: number): void {
    for (let timed = slot.removeFirst(); timed !== null; timed = slot.removeFirst()) {
      timed.wheelDueMs = Number.POSITIVE_INFINITY;
      if (timed.deadlineMs === 0) continue;
      if (timed.deadlineMs <= nowMs) {
        timed.deadlineMs = 0;
        this.#tell(timed, nowMs);
      } else this.#link(timed, timed.deadlineMs);
    }
  }

  #tell(timed: Timed, nowMs: number): void {
    try {
      timed.onDeadline(nowMs);
    } catch (error) {
      this.#onDefect(error);
      this.#destroy(timed);
    }
  }

  #destroy(timed: Timed): void {
    try {
      timed.destroy();
    } catch (error) {
      this.#onDefect(error);
    }
  }

  #link(timed: Timed, dueMs: number): void {
    const ticks = Math.min(slotCount - 1, Math.max(1, Math.ceil(dueMs / this.tickMs) - this.#tick));
    const tick = this.#tick + ticks;
    timed.wheelDueMs = tick * this.tickMs;
    (this.#slots[tick % slotCount] as IntrusiveList<Timed>).add(timed.wheelLink);
  }

  #unlink(timed: Timed): void {
    const { wheelLink } = timed;
    timed.wheelDueMs = Number.POSITIVE_INFINITY;
    wheelLink.list?.remove(wheelLink);
  }
}
