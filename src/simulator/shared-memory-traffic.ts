// Passes simulated traffic through shared memory, as in production: several workers count their parts of it
// there, and the production sampler reads the counters, adds them up and takes differences.

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

  /** A source that lets the workers count what `traffic` generates and returns what the sampler reads. */
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

  /** Distributes counts over the workers in turn. */
  #deal(at: number, counts: Float64Array): void {
    for (let index = 0; index < counts.length; index++) {
      for (let left = counts[index] as number; left > 0; left--) {
        const slab = this.#slabs[this.#turn++ % this.#slabs.length] as Float64Array;
        slab[at + index] = (slab[at + index] as number) + 1;
      }
    }
  }
}
