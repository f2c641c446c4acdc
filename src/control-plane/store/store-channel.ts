// Calls on a store that answers when it can: what it still owes, for how long it has been silent, and who
// gives up waiting for it.
import type { RecordEnd } from '#src/record/record-end.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import { type ArgsOf, type ResultOf, refused, type StoreMethod, type StorePort } from './store-calls.ts';

/** Of calls that take as long as the record is long; the store answers others in between. */
const longCalls: ReadonlySet<StoreMethod> = new Set<StoreMethod>(['checkRecord', 'rolloutRecord']);

export class StoreChannel {
  readonly #port: StorePort;
  readonly #onAllAnswered: () => void;
  /** Gives up the answers that somebody waits for. */
  readonly #awaited = new Set<(problem: StoreProblem) => void>();
  #owed = 0;
  #silentMs = 0;
  #end: RecordEnd | null = null;

  /** `onAllAnswered`: told whenever nothing is owed any more. */
  constructor(port: StorePort, onAllAnswered: () => void) {
    this.#port = port;
    this.#onAllAnswered = onAllAnswered;
  }

  /** Whether the store owes an answer. */
  get isOwed(): boolean {
    return this.#owed > 0;
  }

  /** Where the record ended when the store last answered; null before it was open. */
  get recordEnd(): RecordEnd | null {
    return this.#end;
  }

  /** Lets time pass; returns for how long the store has now been silent with an answer owed, ms. */
  pass(ms: number): number {
    this.#silentMs = this.#owed > 0 ? this.#silentMs + ms : 0;
    return this.#silentMs;
  }

  call<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: (result: ResultOf<M>) => void): void {
    if (longCalls.has(method)) {
      this.#port.send(method, args, done);
      return;
    }
    if (this.#owed++ === 0) this.#silentMs = 0;
    this.#port.send(method, args, (result, end) => {
      this.#owed--;
      this.#silentMs = 0;
      this.#end = end ?? this.#end;
      done(result);
      if (this.#owed === 0) this.#onAllAnswered();
    });
  }

  /** Settles with the answer, or without one when it is given up by `giveUpAll`. */
  ask<M extends StoreMethod>(
    method: M,
    args: ArgsOf<M>,
    settle: (result: ResultOf<M>) => void,
    answered: (result: ResultOf<M>) => void = () => {},
  ): void {
    const giveUp = (problem: StoreProblem): void => {
      if (this.#awaited.delete(giveUp)) settle(refused(problem) as ResultOf<M>);
    };
    this.#awaited.add(giveUp);
    this.call(method, args, (result) => {
      answered(result);
      if (this.#awaited.delete(giveUp)) settle(result);
    });
  }

  /** Nobody waits any longer for what is owed. */
  giveUpAll(problem: StoreProblem): void {
    for (const giveUp of [...this.#awaited]) giveUp(problem);
  }

  /** Gives the store up without waiting for it. */
  end(): void {
    this.#port.end();
  }
}
