// Simulated traffic on the way it takes in production: several workers write their counters into shared memory, each its
// part, and the production sampler reads, sums and diffs them.

import { SplitPublisher } from '#src/control-plane/rollout/split-publisher.ts';
import { Sampler } from '#src/control-plane/traffic/sampler.ts';
import type { ArmSample, SampleSource, SplitSink } from '#src/core/telemetry/sample.ts';
import { epochSlotCount } from '#src/limits.ts';
import { ATTEMPT, attemptOffset, X, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import type { VisibleSplit } from './simulated-split.ts';

export class SharedMemoryTraffic implements VisibleSplit {
  readonly sink: SplitSink;
  readonly #cell: SplitCell;
  readonly #slabs: readonly Float64Array[];
  readonly #sampler: Sampler;
  #turn = 0;

  constructor(workerCount: number) {
    const memory = createSharedMemory(workerCount);
    this.#cell = new SplitCell(memory.split);
    this.sink = new SplitPublisher(this.#cell);
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.#sampler = new Sampler(memory, this.#cell);
  }

  current(): { readonly epoch: number; readonly weightPpm: number; readonly salt: number } {
    return this.#cell.read();
  }

  weightPpmAt(epoch: number): number {
    return this.#cell.weightPpmAt(epoch);
  }

  /** What the sampler reads after the workers have counted what `traffic` generates. */
  from(traffic: SampleSource): SampleSource {
    return {
      sample: (atMs) => {
        for (const { epoch, x, y } of traffic.sample(atMs).epochs) {
          this.#count(attemptOffset(X, epoch % epochSlotCount), x);
          this.#count(attemptOffset(Y, epoch % epochSlotCount), y);
        }
        return this.#sampler.sample(atMs);
      },
    };
  }

  #count(at: number, arm: ArmSample): void {
    this.#deal(at + ATTEMPT.status, arm.status);
    this.#deal(at + ATTEMPT.failures, arm.failuresByKind);
    this.#deal(at + ATTEMPT.latency, arm.latency);
    this.#deal(at + ATTEMPT.ageCrossed, arm.ageCrossed);
    this.#deal(at + ATTEMPT.ageCrossedDone, arm.ageCrossedDone);
    for (const slab of this.#slabs) {
      slab[at + ATTEMPT.assigned] = (slab[at + ATTEMPT.assigned] as number) + arm.requests;
      slab[at + ATTEMPT.changes] = (slab[at + ATTEMPT.changes] as number) + 1;
    }
  }

  /** Deals counts out to the workers, one after the other. */
  #deal(at: number, counts: Float64Array): void {
    for (let index = 0; index < counts.length; index++) {
      for (let left = counts[index] as number; left > 0; left--) {
        const slab = this.#slabs[this.#turn++ % this.#slabs.length] as Float64Array;
        slab[at + index] = (slab[at + index] as number) + 1;
      }
    }
  }
}
