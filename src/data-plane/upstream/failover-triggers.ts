// Which failures of Y are replayed on X, from `failover.on`, as table look-ups.
import type { FailoverTrigger } from '#src/config/config.ts';
import { statusSlots } from '#src/shared-memory/layout.ts';

export class FailoverTriggers {
  readonly connect: boolean;
  readonly reset: boolean;
  readonly timeout: boolean;
  readonly #statuses: Uint8Array;

  constructor(on: readonly FailoverTrigger[]) {
    this.connect = on.includes('connect');
    this.reset = on.includes('reset');
    this.timeout = on.includes('timeout');
    this.#statuses = new Uint8Array(statusSlots);
    for (const trigger of on) if (typeof trigger === 'number') this.#statuses[trigger] = 1;
  }

  includesStatus(status: number): boolean {
    return this.#statuses[status] === 1;
  }
}
