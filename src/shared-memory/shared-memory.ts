// All memory that threads share. The supervisor makes it once and passes it to each thread that starts; it
// outlives the threads.
import { clientGroupCount, latencyQuantiles, nodesPerClusterMax } from '#src/limits.ts';
import { routeSlots, slabLength } from './layout.ts';
import { createSplitMemory } from './split-cell.ts';

export interface SharedMemory {
  readonly split: SharedArrayBuffer;
  /** Int32 [2 arms][64 nodes]: a value of nodeHealth, by the active checks. Written by the control thread. */
  readonly nodeHealth: SharedArrayBuffer;
  /**
   * Float64 [2 arms][5 quantiles]: age in ms from which on a request is slow; Infinity until it is known.
   * Written by the control thread.
   */
  readonly slowThresholds: SharedArrayBuffer;
  /** Int32 [65 route slots]: 1 while the route is parked on X. Written by the control thread. */
  readonly parkedRoutes: SharedArrayBuffer;
  /** Int32 [64 groups of clients]: 1 while the group is not compared. Written by the control thread. */
  readonly suspectGroups: SharedArrayBuffer;
  /**
   * Float64 [1]: the rollout's time less the monotonic clock, ms; 0 until it is known. Written by the control
   * thread.
   */
  readonly rolloutTime: SharedArrayBuffer;
  /** A Float64 slab for each worker, see layout.ts. Written by that worker. */
  readonly slabs: readonly SharedArrayBuffer[];
  /**
   * For each slab, a copy with the numbers that the sampler read last, from which a new control thread goes
   * on. Written by the control thread.
   */
  readonly baselines: readonly SharedArrayBuffer[];
}

/**
 * Values in `nodeHealth`. A node that was not checked yet counts as healthy, so that traffic need not wait
 * for the check.
 */
export const nodeHealth = { unknown: 0, healthy: 1, unhealthy: 2 } as const;

export const nodeHealthIndex = (arm: number, nodeSlot: number): number => arm * nodesPerClusterMax + nodeSlot;
export const slowThresholdIndex = (arm: number, quantileIndex: number): number =>
  arm * latencyQuantiles.length + quantileIndex;

export function createSharedMemory(workerCount: number): SharedMemory {
  const slab = () => new SharedArrayBuffer(slabLength * Float64Array.BYTES_PER_ELEMENT);
  const slowThresholds = new SharedArrayBuffer(2 * latencyQuantiles.length * Float64Array.BYTES_PER_ELEMENT);
  new Float64Array(slowThresholds).fill(Number.POSITIVE_INFINITY);
  return {
    split: createSplitMemory(),
    nodeHealth: new SharedArrayBuffer(2 * nodesPerClusterMax * Int32Array.BYTES_PER_ELEMENT),
    slowThresholds,
    parkedRoutes: new SharedArrayBuffer(routeSlots * Int32Array.BYTES_PER_ELEMENT),
    suspectGroups: new SharedArrayBuffer(clientGroupCount * Int32Array.BYTES_PER_ELEMENT),
    rolloutTime: new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT),
    slabs: Array.from({ length: workerCount }, slab),
    baselines: Array.from({ length: workerCount }, slab),
  };
}
