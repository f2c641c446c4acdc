// The split in a simulation: it remembers the weight of each epoch.
import type { SplitSink } from '#src/core/telemetry/sample.ts';

/** What simulated traffic needs to know of the split. */
export interface VisibleSplit {
  current(): { readonly epoch: number; readonly weightPpm: number; readonly salt: number };
  weightPpmAt(epoch: number): number;
}

export class SimulatedSplit implements SplitSink, VisibleSplit {
  readonly #weightsPpm: number[] = [0];
  #salt = 0;

  publish(weightPpm: number, salt: number): number {
    this.#salt = salt;
    if (this.#weightsPpm.at(-1) !== weightPpm || this.#weightsPpm.length === 1)
      this.#weightsPpm.push(weightPpm);
    return this.#weightsPpm.length - 1;
  }

  current(): { readonly epoch: number; readonly weightPpm: number; readonly salt: number } {
    const epoch = this.#weightsPpm.length - 1;
    return { epoch, weightPpm: this.weightPpmAt(epoch), salt: this.#salt };
  }

  weightPpmAt(epoch: number): number {
    return this.#weightsPpm[epoch] ?? 0;
  }
}
