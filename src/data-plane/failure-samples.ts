// The last requests that failed on Y, with what an operator needs to find them in Kong's log: frozen with the evidence when a
// rollout is reverted. A ring per worker; only failures cost anything.
import { failureSamplesMax } from '#src/limits.ts';
import type { FailureSample } from '#src/shared-memory/messages.ts';

export class FailureSamples {
  readonly #ring: FailureSample[] = [];
  #next = 0;

  add(sample: FailureSample): void {
    this.#ring[this.#next] = sample;
    this.#next = (this.#next + 1) % failureSamplesMax;
  }

  /** Oldest first. */
  list(): FailureSample[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
