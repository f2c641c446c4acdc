// What may still save a request whose attempt failed before its answer began, in this order: a fresh connection, another
// node of the cluster, the other cluster. Each at most once per cluster, and only where sending again does no harm.

import { countFailover } from '#src/data-plane/counting/answer-counters.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { type FailureKind, WORKER, X, Y } from '#src/shared-memory/layout.ts';
import type { Assignment } from './assignment.ts';
import type { RequestMessage } from './request-message.ts';

export class Recovery {
  /** Any byte of an answer came from the present cluster: the request was worked on there. */
  hasResponseBytes: boolean;
  readonly #runtime: WorkerRuntime;
  readonly #request: RequestMessage;
  readonly #assigned: Assignment;
  #hasRetriedStale: boolean;
  #hasTriedAnotherNode: boolean;
  #hasFailedOver: boolean;

  constructor(runtime: WorkerRuntime, request: RequestMessage, assigned: Assignment) {
    this.hasResponseBytes = false;
    this.#runtime = runtime;
    this.#request = request;
    this.#assigned = assigned;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
    this.#hasFailedOver = false;
  }

  reset(): void {
    this.#startOver();
    this.#hasFailedOver = false;
  }

  #startOver(): void {
    this.hasResponseBytes = false;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
  }

  /** After one idle connection turned out to be closed, the others are not trusted with this request. */
  get needsFreshConnection(): boolean {
    return this.#hasRetriedStale;
  }

  /** Everything received is in the buffer, and sending it twice does no harm (RFC 9110 9.2.2). */
  get #canReplay(): boolean {
    const request = this.#request;
    return request.isIdempotent && request.isWhole && request.isWithinReplayLimit;
  }

  /** A node may close an idle connection just as it is used again (RFC 9112 9.3.1): that is no failure of the attempt. */
  retriesStale(kind: FailureKind, wasReused: boolean): boolean {
    if (kind !== 'reset' || !wasReused || this.hasResponseBytes || this.#hasRetriedStale || !this.#canReplay)
      return false;
    this.#hasRetriedStale = true;
    increment(this.#runtime.slab, WORKER.staleReuseRetries);
    return true;
  }

  /** A node that swallows connects cost its time once already: no other one is waited for. */
  connectTimedOut(): void {
    this.#hasTriedAnotherNode = true;
  }

  /**
   * Nothing was sent on a connection that never came to be: any method may try another node. Where a node died with the
   * request before it answered a byte, a request that may be sent again tries another one, once.
   */
  triesAnotherNode(kind: FailureKind, failed: UpstreamNode | null, nowMs: number): boolean {
    if (failed === null || this.#hasTriedAnotherNode) return false;
    const diedSilently = kind === 'reset' && !this.hasResponseBytes && this.#canReplay;
    if (kind !== 'connect' && !diedSilently) return false;
    const { clusters, slab } = this.#runtime;
    if (clusters[this.#assigned.arm].pick(failed, false, nowMs) === null) return false;
    this.#hasTriedAnotherNode = true;
    increment(slab, WORKER.connectRetries);
    return true;
  }

  /** Moves a request that failed on Y to X, when it may be sent again and the budget allows it. */
  failsOver(kind: FailureKind, nowMs: number): boolean {
    const wasSent = kind !== 'connect' && kind !== 'unavailable';
    const mayReplay = wasSent ? this.#canReplay : this.#request.isWhole;
    if (!mayReplay || !this.#isTrigger(kind) || !this.#mayLeaveY(nowMs)) return false;
    this.#moveToX(kind);
    return true;
  }

  /** The same for an answer whose status is among `failover.on`. */
  failsOverForStatus(status: number, nowMs: number): boolean {
    if (!this.#canReplay || !this.#runtime.triggers.includesStatus(status) || !this.#mayLeaveY(nowMs))
      return false;
    this.#moveToX(status);
    return true;
  }

  #isTrigger(kind: FailureKind): boolean {
    const { triggers } = this.#runtime;
    switch (kind) {
      case 'connect':
      case 'unavailable':
        return triggers.connect;
      case 'reset':
        return triggers.reset;
      case 'timeout':
        return triggers.timeout;
      case 'protocol':
      case 'truncated':
        return triggers.includesStatus(502);
    }
  }

  #mayLeaveY(nowMs: number): boolean {
    if (this.#assigned.arm !== Y || this.#assigned.isPinned || this.#hasFailedOver) return false;
    if (this.#runtime.budget.withdraw(nowMs)) return true;
    increment(this.#runtime.slab, WORKER.failoverBudgetExhausted);
    return false;
  }

  #moveToX(reason: FailureKind | number): void {
    countFailover(this.#runtime.slab, reason);
    this.#hasFailedOver = true;
    this.#assigned.arm = X;
    this.#startOver();
  }
}
