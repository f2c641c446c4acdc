// How long Y's breaker has been open everywhere it matters: in every worker that gets traffic for Y. One worker whose
// breaker is closed proves that Y still answers somewhere, so it alone keeps the figure at zero.
import { ATTEMPT, attemptOffset, epochSlots, WORKER, Y } from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

/** A worker without a request for Y for this long has no say. Longer than the open time the rollout reverts at. */
const trafficMemoryMs = 5_000;

export class BreakerWatch {
  readonly #slabs: readonly Float64Array[];
  readonly #requests: Float64Array;
  readonly #grewAtMs: Float64Array;

  constructor(memory: SharedMemory) {
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.#requests = new Float64Array(memory.slabs.length);
    this.#grewAtMs = new Float64Array(memory.slabs.length).fill(Number.NEGATIVE_INFINITY);
  }

  /** The shortest open time in ms over the workers with traffic for Y; 0 when one of them is closed or there is none. */
  openMs(nowMs: number): number {
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let worker = 0; worker < this.#slabs.length; worker++) {
      const slab = this.#slabs[worker] as Float64Array;
      this.#noteTraffic(worker, slab, nowMs);
      const open = slab[WORKER.breakerState] !== 0;
      if (!open && nowMs - (this.#grewAtMs[worker] as number) > trafficMemoryMs) continue;
      const openMs = open ? Math.max(0, nowMs - (slab[WORKER.breakerOpenSinceMs] as number)) : 0;
      shortestMs = Math.min(shortestMs, openMs);
    }
    return Number.isFinite(shortestMs) ? shortestMs : 0;
  }

  #noteTraffic(worker: number, slab: Float64Array, nowMs: number): void {
    let requests = slab[WORKER.breakerDiverted] as number;
    for (let slot = 0; slot < epochSlots; slot++) {
      requests += slab[attemptOffset(Y, slot) + ATTEMPT.assigned] as number;
    }
    if (requests !== this.#requests[worker]) this.#grewAtMs[worker] = nowMs;
    this.#requests[worker] = requests;
  }
}
