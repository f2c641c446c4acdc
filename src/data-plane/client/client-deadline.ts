// The one deadline of a client connection: for what is awaited of its client.
import type { Timed } from '#src/data-plane/base/timer-wheel.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { type Awaits, allowedMs } from './connection-states.ts';

export class ClientDeadline {
  readonly #runtime: WorkerRuntime;
  readonly #timed: Timed;
  #allowedMs: number;
  /** Bytes that waited for the client at the last look. */
  #stalledBytes: number;

  constructor(runtime: WorkerRuntime, timed: Timed) {
    this.#runtime = runtime;
    this.#timed = timed;
    this.#allowedMs = 0;
    this.#stalledBytes = 0;
  }

  clear(): void {
    this.#runtime.wheel.clear(this.#timed);
  }

  /** From now on; `pendingBytes` wait for the client, and it has no more than `msMax` for anything. */
  set(
    awaits: Exclude<Awaits, typeof Awaits.nothing>,
    isEnded: boolean,
    pendingBytes: number,
    msMax: number,
  ): void {
    const { wheel, config } = this.#runtime;
    this.#stalledBytes = pendingBytes;
    this.#allowedMs = Math.min(msMax, allowedMs(awaits, config.timeouts, isEnded));
    wheel.set(this.#timed, this.#allowedMs);
  }

  /** Whether the client has taken any byte since the last look, when `pendingBytes` wait for it now. */
  hasTaken(pendingBytes: number): boolean {
    return pendingBytes < this.#stalledBytes;
  }

  /** Loop time since which it runs; now while none does. */
  get sinceMs(): number {
    const { wheel } = this.#runtime;
    const { deadlineMs } = this.#timed;
    return deadlineMs === 0 ? wheel.nowMs : deadlineMs - wheel.tickMs - this.#allowedMs;
  }
}
