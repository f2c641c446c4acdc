// Why requests failed, counted where the metrics and the log of causes find it: an upstream's failures by
// node and cause, and our own shortages by resource.
import type { FailureCause } from '#src/core/telemetry/failure-cause.ts';
import type { OwnResource, ShortOperation } from '#src/core/telemetry/own-shortage.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { type Arm, causesOffset, noNodeSlot, shortageOffset } from '#src/shared-memory/layout.ts';

/** `nodeSlot` null: the request found no node. */
export function countCause(slab: Float64Array, arm: Arm, nodeSlot: number | null, cause: FailureCause): void {
  increment(slab, causesOffset(arm, nodeSlot ?? noNodeSlot) + cause.index);
}

export function countShortage(slab: Float64Array, operation: ShortOperation, resource: OwnResource): void {
  increment(slab, shortageOffset(operation, resource));
}
