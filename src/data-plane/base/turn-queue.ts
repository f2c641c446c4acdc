// Fairness among many clients. libuv polls up to 48 times for up to 1,024 events each before it looks at new
// sockets and timers again: with more busy clients than that a turn of the event loop lasted a second, and
// newcomers and deadlines waited for it. So of many clients only some are served in a turn. The others'
// requests are read, which ends the turn's polling, and wait here in the order of arrival.
import { crowdConnectionsMin, requestsPerTurnMax } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { IntrusiveList, type ListLink } from './intrusive-list.ts';

/** A connection whose request was read and waits. */
export interface TurnWaiter {
  takeTurn(): void;
}

export class TurnQueue {
  readonly #waiting: IntrusiveList<TurnWaiter>;
  /** Requests taken in the present turn of the event loop. */
  #taken: number;
  #endsLater: boolean;
  readonly #slab: Float64Array;
  readonly #atTurnEnd: (callback: () => void) => void;

  /** atTurnEnd: calls back once, when the events that the event loop has now are handled. */
  constructor(slab: Float64Array, atTurnEnd: (callback: () => void) => void) {
    this.#waiting = new IntrusiveList();
    this.#taken = 0;
    this.#endsLater = false;
    this.#slab = slab;
    this.#atTurnEnd = atTurnEnd;
    this.#publish();
  }

  /** Whether a request that has arrived may be served at once; if not, its client is to wait. */
  mayTake(connectionCount: number): boolean {
    if (connectionCount < crowdConnectionsMin) return true;
    this.#watch();
    if (this.#waiting.length > 0 || this.#taken >= requestsPerTurnMax) return false;
    this.#taken++;
    return true;
  }

  wait(link: ListLink<TurnWaiter>): void {
    this.#waiting.add(link);
    this.#publish();
    this.#watch();
  }

  /** Who waits has no more interest. */
  leave(link: ListLink<TurnWaiter>): void {
    this.#waiting.remove(link);
    this.#publish();
  }

  #watch(): void {
    if (this.#endsLater) return;
    this.#endsLater = true;
    this.#atTurnEnd(this.#turnEnded);
  }

  readonly #turnEnded = (): void => {
    this.#endsLater = false;
    this.#taken = Math.min(this.#waiting.length, requestsPerTurnMax);
    for (let count = this.#taken; count > 0; count--) this.#waiting.removeFirst()?.takeTurn();
    this.#publish();
    if (this.#waiting.length > 0) this.#watch();
  };

  #publish(): void {
    this.#slab[WORKER.queued] = this.#waiting.length;
  }
}
