// What comes of a request, put down to whom it concerns: the attempt that is compared, the node, the samples
// that tell an operator which requests it was, and the counts of what clients got.

import { type FailureKind, proxyErrors } from '#src/base/error-catalog.ts';
import type { FailureCause } from '#src/core/telemetry/failure-cause.ts';
import { countAnswer, countFailover } from '#src/data-plane/counting/answer-counters.ts';
import { countCause } from '#src/data-plane/counting/failure-counters.ts';
import { makerOf } from '#src/data-plane/counting/kong-attribution.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER, Y } from '#src/shared-memory/layout.ts';
import type { Assignment } from './assignment.ts';
import { Attempt } from './attempt.ts';
import { RecoveryStep } from './recovery-policy.ts';
import type { RequestMessage } from './request-message.ts';
import type { UpstreamFailure } from './upstream-failure.ts';

export class OutcomeLedger {
  readonly #runtime: WorkerRuntime;
  readonly #request: RequestMessage;
  readonly #assigned: Assignment;
  readonly #attempt: Attempt;
  #startedAtMs: number;

  constructor(runtime: WorkerRuntime, request: RequestMessage, assigned: Assignment) {
    this.#runtime = runtime;
    this.#request = request;
    this.#assigned = assigned;
    this.#attempt = new Attempt(runtime);
    this.#startedAtMs = 0;
  }

  /** The request was assigned; what the client waits for counts from `startedAtMs`. */
  begin(startedAtMs: number, isRequestDone: boolean): void {
    this.#startedAtMs = startedAtMs;
    this.#attempt.begin(this.#assigned, startedAtMs, isRequestDone);
  }

  /** The last byte of the request is there: how long the client took for it says nothing about a cluster. */
  requestDone(nowMs: number): void {
    this.#attempt.requestDone(nowMs);
  }

  /** A final head came from `node`; it is in runtime.responseHead, its bytes in `source`. */
  answered(status: number, nowMs: number, node: UpstreamNode, source: Uint8Array): void {
    const { clusters, requestSamples } = this.#runtime;
    const { arm } = this.#assigned;
    const latencyMs = nowMs - this.#attempt.startedAtMs;
    const isCompared = this.#attempt.answered(status, latencyMs, nowMs, source);
    if (isCompared && arm === Y && requestSamples.wants(status, latencyMs, nowMs))
      this.#remember(status, null, latencyMs, node.id);
    if (status < 500) node.succeeded();
    else if (node.failed()) clusters[arm].considerEjection(node, nowMs);
  }

  /**
   * There will be no answer from `node`; null: there was no node. A shortage of ours is charged to nobody,
   * and a node only with what happened on a connection to it.
   */
  failed({ cause, error }: UpstreamFailure, node: UpstreamNode | null, nowMs: number): void {
    const { kind } = proxyErrors[error];
    if (cause === null || kind === null) {
      this.ranShort();
      return;
    }
    const { slab, clusters } = this.#runtime;
    const { arm } = this.#assigned;
    countCause(slab, arm, node?.slot ?? null, cause);
    const isCompared = this.#attempt.failed(kind, nowMs);
    if (isCompared && arm === Y)
      this.#remember(null, { kind, cause }, nowMs - this.#startedAtMs, node?.id ?? null);
    if (kind !== 'unavailable' && node?.failed() === true) clusters[arm].considerEjection(node, nowMs);
  }

  /** A resource of ours is short: the request is not compared, whatever comes of it. */
  ranShort(): void {
    this.#attempt.withdrawn();
  }

  /**
   * What is tried to save the request. `reason` to move it: a failure kind or a status; null for a shortage
   * of ours.
   */
  stepTaken(step: RecoveryStep, reason: FailureKind | number | null): void {
    const { slab } = this.#runtime;
    switch (step) {
      case RecoveryStep.freshConnection:
        increment(slab, WORKER.staleReuseRetries);
        return;
      case RecoveryStep.anotherNode:
        increment(slab, WORKER.connectRetries);
        return;
      case RecoveryStep.otherCluster:
        countFailover(slab, reason);
        return;
      case RecoveryStep.budgetSpent:
        increment(slab, WORKER.failoverBudgetExhausted);
        return;
      case RecoveryStep.giveUp:
        return;
    }
  }

  /** The client gets an answer with this status: its cluster's, or ours in its place. */
  delivered(status: number, nowMs: number): void {
    countAnswer(this.#runtime.slab, this.#assigned.arm, status, nowMs - this.#startedAtMs);
  }

  /** `node` began an answer and did not complete it, unless it was a shortage of ours that ended it. */
  truncated({ cause }: UpstreamFailure, node: UpstreamNode | null, nowMs: number): void {
    if (cause === null) return;
    const { slab } = this.#runtime;
    const { arm } = this.#assigned;
    increment(slab, WORKER.truncatedResponses);
    countCause(slab, arm, node?.slot ?? null, cause);
    const isCompared = this.#attempt.truncated();
    if (isCompared && arm === Y)
      this.#remember(null, { kind: 'truncated', cause }, nowMs - this.#startedAtMs, node?.id ?? null);
  }

  /** X gets the request, and nothing had failed. */
  givenUp(): void {
    this.#attempt.givenUp();
  }

  /** Nothing more comes of it, and whatever had not come by now is nobody's fault but the client's. */
  abandoned(): void {
    this.#attempt.abandoned();
  }

  /** Keeps what an operator needs to find a request of Y again that speaks against it. */
  #remember(
    status: number | null,
    failure: { readonly kind: FailureKind; readonly cause: FailureCause } | null,
    latencyMs: number,
    node: string | null,
  ): void {
    const { requestId, startLine } = this.#request;
    const { requestSamples, responseHead, routes } = this.#runtime;
    requestSamples.add({
      atMs: Date.now(),
      requestId,
      node,
      status,
      kind: failure?.kind ?? null,
      cause: failure === null ? null : { phase: failure.cause.phase, code: failure.cause.code },
      maker: status === null ? null : makerOf(responseHead),
      latencyMs,
      request: startLine,
      route: routes.nameOf(this.#assigned.routeSlot),
    });
  }
}
