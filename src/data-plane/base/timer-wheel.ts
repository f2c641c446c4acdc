// One coarse timer for all deadlines of a worker. Moving a deadline later is one field write; the wheel finds out when the
// old place comes round. Resolution is one tick, never early.
import { assert } from '#src/base/assert.ts';

/** Something that can have one deadline. Subclasses get `onDeadline` when it has passed. */
export abstract class Timed {
  /** Loop time in ms at which onDeadline is due; 0 when none is set. */
  deadlineMs: number = 0;
  /** Slot in the wheel, -1 when in none. Owned by the wheel. */
  wheelSlot: number = -1;
  wheelDueMs: number = 0;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  abstract onDeadline(nowMs: number): void;
  /** Ends it, after an onDeadline that threw: nothing else would. */
  abstract giveUp(): void;
}

const slotCount = 512;

export class TimerWheel {
  readonly tickMs: number;
  /** Loop time of the last tick: what deadlines are set relative to. */
  nowMs: number;
  readonly #slots: (Timed | null)[];
  #tick: number;
  readonly #onDefect: (error: unknown) => void;

  /** onDefect: told of what an onDeadline throws; the others that are due get theirs. */
  constructor(tickMs: number, nowMs: number, onDefect: (error: unknown) => void) {
    this.tickMs = tickMs;
    this.nowMs = nowMs;
    this.#onDefect = onDefect;
    this.#slots = new Array(slotCount).fill(null);
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** Sets the deadline `delayMs` from now, replacing the one before. */
  set(timed: Timed, delayMs: number): void {
    const due = this.nowMs + delayMs + this.tickMs;
    timed.deadlineMs = due;
    if (timed.wheelSlot >= 0) {
      if (timed.wheelDueMs <= due) return; // found when the old place comes round
      this.#unlink(timed);
    }
    this.#link(timed, due);
  }

  /** Forgets the deadline; its place in the wheel is dropped when it comes round. */
  clear(timed: Timed): void {
    timed.deadlineMs = 0;
  }

  /** Removes every trace; must be called before the object is dropped, or the wheel keeps it alive until its place comes round. */
  remove(timed: Timed): void {
    timed.deadlineMs = 0;
    if (timed.wheelSlot >= 0) this.#unlink(timed);
  }

  /** Fires what is due. Call once per tick; late calls catch up. */
  advance(nowMs: number): void {
    this.nowMs = nowMs;
    const target = Math.floor(nowMs / this.tickMs);
    if (target - this.#tick > slotCount) this.#tick = target - slotCount;
    while (this.#tick < target) {
      this.#tick++;
      this.#fire(this.#tick % slotCount, nowMs);
    }
  }

  #fire(slot: number, nowMs: number): void {
    let timed = this.#slots[slot] as Timed | null;
    this.#slots[slot] = null;
    while (timed !== null) {
      const next: Timed | null = timed.wheelNext;
      timed.wheelSlot = -1;
      timed.wheelNext = null;
      timed.wheelPrevious = null;
      if (next !== null) next.wheelPrevious = null;
      if (timed.deadlineMs !== 0) {
        if (timed.deadlineMs <= nowMs) {
          timed.deadlineMs = 0;
          // What onDeadline removes may be the next in this chain: keep it reachable through the slot.
          this.#pending = next;
          this.#end(timed, nowMs);
          timed = this.#pending;
          continue;
        }
        this.#link(timed, timed.deadlineMs);
      }
      timed = next;
    }
    this.#pending = null;
  }

  #end(timed: Timed, nowMs: number): void {
    try {
      timed.onDeadline(nowMs);
    } catch (error) {
      this.#onDefect(error);
      this.#giveUp(timed);
    }
  }

  #giveUp(timed: Timed): void {
    try {
      timed.giveUp();
    } catch (error) {
      this.#onDefect(error);
    }
  }

  /** Rest of the chain being fired. */
  #pending: Timed | null = null;

  #link(timed: Timed, dueMs: number): void {
    const ticks = Math.min(slotCount - 1, Math.max(1, Math.ceil(dueMs / this.tickMs) - this.#tick));
    const slot = (this.#tick + ticks) % slotCount;
    const head = this.#slots[slot] as Timed | null;
    timed.wheelSlot = slot;
    timed.wheelDueMs = (this.#tick + ticks) * this.tickMs;
    timed.wheelNext = head;
    timed.wheelPrevious = null;
    if (head !== null) head.wheelPrevious = timed;
    this.#slots[slot] = timed;
  }

  #unlink(timed: Timed): void {
    const { wheelNext: next, wheelPrevious: previous } = timed;
    if (next !== null) next.wheelPrevious = previous;
    if (previous !== null) previous.wheelNext = next;
    else if (this.#slots[timed.wheelSlot] === timed) this.#slots[timed.wheelSlot] = next;
    if (this.#pending === timed) this.#pending = next;
    assert(timed.wheelSlot >= 0, 'a linked timer has a slot');
    timed.wheelSlot = -1;
    timed.wheelNext = null;
    timed.wheelPrevious = null;
  }
}
