// What clients saw, counted by the arm that gave the answer. Attempts are counted elsewhere (attempt.ts): a
// request that failed on Y and was answered by X is a failed attempt of Y and an answer of X.
import { type FailureKind, type ProxyErrorName, proxyErrorIndex } from '#src/base/error-catalog.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import {
  ANSWER,
  type Arm,
  answerOffset,
  failoverKindOffset,
  failoverShortageOffset,
  failoverStatusOffset,
  failureKindIndex,
  rejectedOffset,
} from '#src/shared-memory/layout.ts';

export function countAnswer(slab: Float64Array, arm: Arm, status: number, latencyMs: number): void {
  const at = answerOffset(arm);
  increment(slab, at + ANSWER.status + status);
  increment(slab, at + ANSWER.latency + latencyBucketIndex(latencyMs));
  add(slab, at + ANSWER.latencyMsSum, latencyMs);
}

/** A request of Y that X answers, by failure kind or status; null: because a resource of ours is short. */
export function countFailover(slab: Float64Array, reason: FailureKind | number | null): void {
  increment(slab, failoverOffset(reason));
}

function failoverOffset(reason: FailureKind | number | null): number {
  if (reason === null) return failoverShortageOffset;
  return typeof reason === 'number'
    ? failoverStatusOffset(reason)
    : failoverKindOffset(failureKindIndex[reason]);
}

/** Refused by the proxy itself; no arm was involved. */
export function countRejection(slab: Float64Array, name: ProxyErrorName): void {
  increment(slab, rejectedOffset(proxyErrorIndex[name]));
}
