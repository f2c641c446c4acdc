// Sums over all workers of what each counts, read when someone asks: for metrics.
import { WORKER } from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

export type WorkerField = keyof typeof WORKER;

export class SlabTotals {
  readonly slabs: readonly Float64Array[];

  constructor(memory: SharedMemory) {
    this.slabs = memory.slabs.map((slab) => new Float64Array(slab));
  }

  /** The value at an offset of the layout, over all workers. */
  at(offset: number): number {
    let sum = 0;
    for (const slab of this.slabs) sum += slab[offset] as number;
    return sum;
  }

  /** A worker's single counter or gauge, over all workers. */
  of(field: WorkerField): number {
    return this.at(WORKER[field]);
  }
}
