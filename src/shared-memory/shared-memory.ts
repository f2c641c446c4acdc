// All memory that threads share, made once by the supervisor and handed to each thread as it starts. It outlives them.
import { latencyQuantiles, nodesPerClusterMax } from '#src/limits.ts';
import { routeSlots, slabLength } from './layout.ts';
import { createSplitMemory } from './split-cell.ts';

export interface SharedMemory {
  readonly split: SharedArrayBuffer;
  /** Int32 [2 arms][64 nodes]: health as seen by the active checks, see nodeHealth. Written by the control thread. */
  readonly nodeHealth: SharedArrayBuffer;
  /** Float64 [2 arms][5 quantiles]: age in ms at which a request counts as slow; Infinity when unset. Written by the control thread. */
  readonly slowThresholds: SharedArrayBuffer;
  /** Int32 [64 route slots]: 1 while the route is parked on X. Written by the control thread. */
  readonly parkedRoutes: SharedArrayBuffer;
  /** Float64 [1]: what the rollout's time is ahead of the monotonic clock, ms; 0 when unset. Written by the control thread. */
  readonly rolloutTime: SharedArrayBuffer;
  /** Float64 slab per worker, see layout.ts. Written by that worker. */
  readonly slabs: readonly SharedArrayBuffer[];
  /** Float64 per worker slab: what the sampler read last, so that a restarted control thread skips no window. Written by the control thread. */
  readonly baselines: readonly SharedArrayBuffer[];
}

/** Values in `nodeHealth`. Unknown (never checked) is treated as healthy: traffic must not wait for the first probe. */
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
    rolloutTime: new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT),
    slabs: Array.from({ length: workerCount }, slab),
    baselines: Array.from({ length: workerCount }, slab),
  };
}
