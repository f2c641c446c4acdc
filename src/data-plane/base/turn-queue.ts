// Fairness among many clients. libuv polls up to 48 times for up to 1,024 events each before it looks at new sockets and
// timers again: with more busy clients than that a turn of the event loop lasted a second, and newcomers and deadlines waited
// for it. So of many clients only some are served in a turn. The others' requests are read, which ends the turn's polling,
// and wait here in the order of arrival.
import { crowdConnectionsMin, requestsPerTurnMax } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';

/** Somebody whose request was read and waits. */
export interface InLine {
  nextInLine: InLine | null;
  takeTurn(): void;
}

export class TurnQueue {
  #oldest: InLine | null;
  #newest: InLine | null;
  #length: number;
  /** Requests taken in the present turn of the event loop. */
  #taken: number;
  #endsLater: boolean;
  readonly #slab: Float64Array;
  readonly #atTurnEnd: (callback: () => void) => void;

  /** atTurnEnd: calls back once, when the events that the event loop has now are handled. */
  constructor(slab: Float64Array, atTurnEnd: (callback: () => void) => void) {
    this.#oldest = null;
    this.#newest = null;
    this.#length = 0;
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
    if (this.#length > 0 || this.#taken >= requestsPerTurnMax) return false;
    this.#taken++;
    return true;
  }

  wait(inLine: InLine): void {
    inLine.nextInLine = null;
    if (this.#newest === null) this.#oldest = inLine;
    else this.#newest.nextInLine = inLine;
    this.#newest = inLine;
    this.#length++;
    this.#publish();
    this.#watch();
  }

  #watch(): void {
    if (this.#endsLater) return;
    this.#endsLater = true;
    this.#atTurnEnd(this.#turnEnded);
  }

  readonly #turnEnded = (): void => {
    this.#endsLater = false;
    this.#taken = Math.min(this.#length, requestsPerTurnMax);
    for (let count = this.#taken; count > 0; count--) this.#takeOldest();
    this.#publish();
    if (this.#length > 0) this.#watch();
  };

  #takeOldest(): void {
    const inLine = this.#oldest;
    if (inLine === null) return;
    this.#oldest = inLine.nextInLine;
    if (this.#oldest === null) this.#newest = null;
    inLine.nextInLine = null;
    this.#length--;
    inLine.takeTurn();
  }

  #publish(): void {
    this.#slab[WORKER.queued] = this.#length;
  }
}
