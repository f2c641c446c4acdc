// Writes into shared memory what proxy workers would have counted.

import type { FailureKind } from '#src/base/error-catalog.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { epochSlotCount } from '#src/limits.ts';
import {
  ANSWER,
  type Arm,
  ATTEMPT,
  answerOffset,
  attemptOffset,
  failureKindIndex,
} from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

export interface Counted {
  readonly worker?: number;
  readonly arm: Arm;
  readonly epoch: number;
}

const slabOf = (memory: SharedMemory, worker: number): Float64Array =>
  new Float64Array(memory.slabs[worker] as SharedArrayBuffer);

/** Adds to one counter of a worker. */
export function add(memory: SharedMemory, worker: number, offset: number, count: number): void {
  const slab = slabOf(memory, worker);
  slab[offset] = (slab[offset] as number) + count;
}

/** First attempts that were answered, and what clients saw of them. */
export function countAnswers(
  memory: SharedMemory,
  { worker = 0, arm, epoch }: Counted,
  { status, count, ms = 10 }: { status: number; count: number; ms?: number },
): void {
  const at = attemptOffset(arm, epoch % epochSlotCount);
  add(memory, worker, at + ATTEMPT.assigned, count);
  add(memory, worker, at + ATTEMPT.status + status, count);
  if (status < 500) {
    add(memory, worker, at + ATTEMPT.latency + latencyBucketIndex(ms), count);
    add(memory, worker, at + ATTEMPT.latencyMsSum, count * ms);
  }
  add(memory, worker, at + ATTEMPT.changes, 1);
  add(memory, worker, answerOffset(arm) + ANSWER.status + status, count);
  add(memory, worker, answerOffset(arm) + ANSWER.latency + latencyBucketIndex(ms), count);
  add(memory, worker, answerOffset(arm) + ANSWER.latencyMsSum, count * ms);
}

/** First attempts that failed at the gateway, or bodies cut short. */
export function countFailures(
  memory: SharedMemory,
  { worker = 0, arm, epoch }: Counted,
  kind: FailureKind,
  count: number,
): void {
  const at = attemptOffset(arm, epoch % epochSlotCount);
  if (kind !== 'truncated') add(memory, worker, at + ATTEMPT.assigned, count);
  add(memory, worker, at + ATTEMPT.failures + failureKindIndex[kind], count);
  add(memory, worker, at + ATTEMPT.changes, 1);
}

/** The same first attempts by the slot of their route. */
export function countRoute(
  memory: SharedMemory,
  { worker = 0, arm, epoch }: Counted,
  { slot, requests, failures }: { slot: number; requests: number; failures: number },
): void {
  const at = attemptOffset(arm, epoch % epochSlotCount);
  add(memory, worker, at + ATTEMPT.routeRequests + slot, requests);
  add(memory, worker, at + ATTEMPT.routeFailures + slot, failures);
  add(memory, worker, at + ATTEMPT.changes, 1);
}
