// The exchanges of one worker that are free: each is made once and serves one request after the other.
import { Exchange } from './exchange.ts';
import type { WorkerRuntime } from './worker-runtime.ts';

export class ExchangePool {
  readonly #free: Exchange[];
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.#free = [];
    this.#runtime = runtime;
  }

  take(): Exchange {
    return this.#free.pop() ?? new Exchange(this.#runtime);
  }

  /** `exchange` is over. */
  give(exchange: Exchange): void {
    this.#free.push(exchange);
  }
}
