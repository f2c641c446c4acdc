// What comes of a request, put down to whom it concerns: the attempt that is compared, the node, the samples that tell an
// operator which requests it was, and the counts of what clients got.

import { countAnswer } from '#src/data-plane/counting/answer-counters.ts';
import { makerOf } from '#src/data-plane/counting/kong-attribution.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { type FailureKind, WORKER, Y } from '#src/shared-memory/layout.ts';
import type { Assignment } from './assignment.ts';
import { Attempt } from './attempt.ts';
import type { RequestMessage } from './request-message.ts';

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
  begin(startedAtMs: number): void {
    this.#startedAtMs = startedAtMs;
    this.#attempt.begin(this.#assigned, startedAtMs);
  }

  /** A final head came from `node`; it is in runtime.responseHead, its bytes in `source`. */
  answered(status: number, nowMs: number, node: UpstreamNode, source: Uint8Array): void {
    const { clusters, requestSamples } = this.#runtime;
    const { arm } = this.#assigned;
    const latencyMs = nowMs - this.#startedAtMs;
    const isCompared = this.#attempt.answered(status, latencyMs, nowMs, source);
    if (isCompared && arm === Y && requestSamples.wants(status, latencyMs, nowMs))
      this.#remember(status, null, latencyMs, node.id);
    if (status < 500) node.succeeded();
    else if (node.failed()) clusters[arm].considerEjection(node, nowMs);
  }

  /** There will be no answer from `node`, if there was a node. */
  failed(kind: FailureKind, node: UpstreamNode | null, nowMs: number): void {
    const { arm } = this.#assigned;
    const isCompared = this.#attempt.failed(kind, nowMs);
    if (isCompared && arm === Y) this.#remember(null, kind, nowMs - this.#startedAtMs, node?.id ?? null);
    if (node?.failed() === true) this.#runtime.clusters[arm].considerEjection(node, nowMs);
  }

  /** The client gets an answer with this status: its cluster's, or ours in its place. */
  delivered(status: number, nowMs: number): void {
    countAnswer(this.#runtime.slab, this.#assigned.arm, status, nowMs - this.#startedAtMs);
  }

  /** The upstream began an answer and did not complete it. */
  truncated(): void {
    increment(this.#runtime.slab, WORKER.truncatedResponses);
    this.#attempt.truncated();
  }

  /** Nothing more comes of it, and whatever had not come by now is nobody's fault but the client's. */
  abandoned(): void {
    this.#attempt.abandoned();
  }

  /** Keeps what an operator needs to find a request of Y again that speaks against it. */
  #remember(status: number | null, kind: FailureKind | null, latencyMs: number, node: string | null): void {
    const { requestId, startLine } = this.#request;
    const { requestSamples, responseHead, routes } = this.#runtime;
    requestSamples.add({
      atMs: Date.now(),
      requestId,
      node,
      status,
      kind,
      maker: status === null ? null : makerOf(responseHead),
      latencyMs,
      request: startLine,
      route: routes.nameOf(this.#assigned.routeSlot),
    });
  }
}
