// One request from its head to the end of its answer, as named phases:
//   start -> draw -> open (node, connection) -> send -> [retry | failover] -> acceptHead -> relay -> finish
// Every failure ends in fail() before the response head and in cut() after it. Nothing here knows HTTP/1.1 connections
// (client-connection.ts) or sockets (transport/).
import { type ProxyErrorName, proxyErrors } from '#src/base/error-catalog.ts';
import { Framing } from '#src/core/http1/framing.ts';
import { pendingPerClusterMax, upstreamPerNodeMax } from '#src/limits.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { type FailureKind, WORKER, X, Y } from '#src/shared-memory/layout.ts';
import { countAnswer, countFailover, countRejection } from './answer-counters.ts';
import { Assignment } from './assignment.ts';
import { Attempt } from './attempt.ts';
import type { Downstream } from './downstream.ts';
import type { Peer } from './peer-directory.ts';
import { RequestMessage } from './request-message.ts';
import { rescueResponse } from './rescue.ts';
import { HeadResult, RelayResult, ResponseRelay } from './response-relay.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream/upstream-connection.ts';
import type { UpstreamNode } from './upstream/upstream-node.ts';
import type { WorkerRuntime } from './worker-runtime.ts';

export class Exchange implements UpstreamUser {
  readonly request: RequestMessage;
  /** Whether the request body was completely received and judged. */
  isRequestDone: boolean;
  readonly #runtime: WorkerRuntime;
  readonly #attempt: Attempt;
  readonly #response: ResponseRelay;
  #client: Downstream | null;
  #upstream: UpstreamConnection | null;
  readonly #assigned: Assignment;
  #startedAtMs: number;
  /** The request's bytes are on their way on the present connection. */
  #isSent: boolean;
  #isSendPending: boolean;
  #isConnecting: boolean;
  #hasResponseBytes: boolean;
  #hasRetriedStale: boolean;
  #hasTriedAnotherNode: boolean;
  #hasFailedOver: boolean;

  constructor(runtime: WorkerRuntime) {
    this.request = new RequestMessage(runtime);
    this.isRequestDone = false;
    this.#runtime = runtime;
    this.#attempt = new Attempt(runtime);
    this.#response = new ResponseRelay(runtime);
    this.#client = null;
    this.#upstream = null;
    this.#assigned = new Assignment();
    this.#startedAtMs = 0;
    this.#isSent = false;
    this.#isSendPending = false;
    this.#isConnecting = false;
    this.#hasResponseBytes = false;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
    this.#hasFailedOver = false;
  }

  /**
   * Starts on the head in runtime.requestHead, parsed from bytes[..end). Returns one past the last byte taken: of the head,
   * and of the body as far as it is there. The exchange may be over when this returns.
   */
  start(client: Downstream, peer: Peer, clientAddress: string, bytes: Uint8Array, end: number): number {
    const runtime = this.#runtime;
    const { requestHead: head, additions } = runtime;
    this.#reset(client);
    additions.trusted = peer.isTrusted;
    additions.forwardedLines = peer.forwardedLines;
    additions.peerAddress = peer.addressBytes;
    additions.requestId = runtime.requestIds.next();
    const { headEnd } = head;
    this.request.begin(bytes);
    const { bodyBytes } = runtime.config.limits;
    if (bodyBytes !== null && head.framing === Framing.length && head.contentLength > bodyBytes) {
      this.#reject('bodyTooLarge');
      return headEnd;
    }
    const taken = this.#takeBody(bytes, headEnd, end);
    if (taken === -1) return headEnd;
    if (taken > headEnd) this.request.append(bytes, headEnd, taken);
    // Only now: a request that is refused takes part in nothing.
    this.#assigned.draw(runtime, bytes, clientAddress, this.#startedAtMs);
    this.#attempt.begin(this.#assigned, this.#startedAtMs);
    this.#open(null);
    return taken;
  }

  #reset(client: Downstream): void {
    this.#client = client;
    this.#startedAtMs = performance.now();
    this.#isSent = false;
    this.#isSendPending = false;
    this.#isConnecting = false;
    this.#hasResponseBytes = false;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
    this.#hasFailedOver = false;
    this.#response.reset();
  }

  /** Judges request body bytes; -1 when they are invalid and the request was rejected for it. */
  #takeBody(bytes: Uint8Array, from: number, end: number): number {
    const { body } = this.request;
    const { bodyBytes } = this.#runtime.config.limits;
    const taken = body.take(bytes, from, end, bodyBytes !== null);
    if (taken === -1) {
      this.#reject(body.decoder.error ?? 'chunkInvalid');
      return -1;
    }
    if (bodyBytes !== null && body.dataBytes > bodyBytes) {
      this.#reject('bodyTooLarge');
      return -1;
    }
    this.isRequestDone = body.isDone;
    add(this.#runtime.slab, WORKER.bytesFromClients, taken - from);
    return taken;
  }

  /** More of the request body; returns one past the last byte that belongs to it. */
  onRequestBytes(bytes: Buffer, from: number, end: number): number {
    const taken = this.#takeBody(bytes, from, end);
    if (taken === -1) return end;
    if (this.#upstream === null || !this.#isSent) this.#keepUnsent(bytes, from, taken);
    else this.#forwardBody(bytes, from, taken);
    return taken;
  }

  /** The connection is not there yet: what arrives meanwhile waits in the buffer, and the client is paused when it fills. */
  #keepUnsent(bytes: Buffer, from: number, to: number): void {
    if (!this.request.append(bytes, from, to)) this.#reject('bodyTooLarge');
    else if (!this.request.isWithinReplayLimit) this.#client?.pauseRequest();
  }

  #forwardBody(bytes: Buffer, from: number, to: number): void {
    const { request } = this;
    const upstream = this.#upstream;
    if (upstream === null) return;
    if (request.isWhole && !this.#response.isHeadForwarded) {
      request.isWhole = request.isWithinReplayLimit && request.append(bytes, from, to);
    }
    if (!upstream.socket.writeShared(bytes, from, to)) this.#client?.pauseRequest();
    this.#awaitUpstream();
  }

  // ---- connection ----

  #open(except: UpstreamNode | null): void {
    const runtime = this.#runtime;
    const cluster = runtime.clusters[this.#assigned.arm];
    // With X to fall back on there is no point in trying a Y that is known to be down.
    const panic = this.#assigned.arm === X || this.#assigned.isPinned || !runtime.clusters[X].hasEligibleNode;
    const node = cluster.pick(except, panic, this.#startedAtMs);
    if (node === null) {
      this.#fail('unavailable', 'upstreamUnavailable');
      return;
    }
    const idle = this.#hasRetriedStale ? undefined : node.idle.pop();
    if (idle !== undefined) {
      this.#upstream = idle;
      idle.reuse(this);
      node.requestStarted();
      this.#send(idle);
      return;
    }
    const pending = runtime.slab[WORKER.pendingX + this.#assigned.arm] as number;
    if (pending >= pendingPerClusterMax || node.openCount >= upstreamPerNodeMax) {
      this.#fail('unavailable', 'upstreamOverloaded');
      return;
    }
    this.#isConnecting = true;
    add(runtime.slab, WORKER.pendingX + this.#assigned.arm, 1);
    node.requestStarted();
    this.#upstream = new UpstreamConnection(runtime, node, this);
  }

  #connectEnded(): void {
    if (!this.#isConnecting) return;
    this.#isConnecting = false;
    add(this.#runtime.slab, WORKER.pendingX + this.#assigned.arm, -1);
  }

  onUpstreamConnected(): void {
    this.#connectEnded();
    if (this.#upstream !== null) this.#send(this.#upstream);
  }

  #send(upstream: UpstreamConnection): void {
    const { request } = this;
    this.#isSent = true;
    this.#isSendPending = !upstream.socket.write(request.buffer, 0, request.length);
    if (this.#isSendPending) this.#client?.pauseRequest();
    else if (!this.isRequestDone) this.#client?.resumeRequest();
    this.#awaitUpstream();
  }

  /** The upstream's turn: to answer once it has the whole request, to take more of it until then. */
  #awaitUpstream(): void {
    if (this.#upstream === null) return;
    const { responseHeadMs, requestBodyMs } = this.#runtime.config.timeouts;
    this.#runtime.wheel.set(
      this.#upstream,
      this.isRequestDone ? responseHeadMs : Math.max(requestBodyMs, responseHeadMs),
    );
  }

  onUpstreamDrained(): void {
    this.#isSendPending = false;
    if (!this.isRequestDone) this.#client?.resumeRequest();
  }

  // ---- response ----

  onUpstreamBytes(bytes: Buffer, length: number): void {
    const client = this.#client;
    const upstream = this.#upstream;
    if (client === null || upstream === null) return;
    this.#hasResponseBytes = true;
    if (this.#response.isHeadForwarded) {
      this.#relayBody(bytes, length, client, upstream);
      return;
    }
    switch (this.#response.readHead(bytes, length, this.request, client)) {
      case HeadResult.incomplete:
        return;
      case HeadResult.invalid:
        this.#fail('protocol', 'upstreamResponseInvalid');
        return;
      case HeadResult.final:
        this.#acceptHead(client, upstream);
        return;
    }
  }

  /** The final head is there: the attempt has its outcome, and the answer begins, unless X is to give a better one. */
  #acceptHead(client: Downstream, upstream: UpstreamConnection): void {
    const runtime = this.#runtime;
    const { status } = runtime.responseHead;
    const nowMs = performance.now();
    this.#answered(status, nowMs, upstream.node);
    if (status >= 500 && this.#failOverForStatus(status, nowMs)) return;
    countAnswer(runtime.slab, this.#assigned.arm, status, nowMs - this.#startedAtMs);
    if (status === 101) {
      this.#switchProtocols(client, upstream);
      return;
    }
    const flushed = this.#response.forwardHead(client, this.request, this.isRequestDone);
    if (this.#response.body.isDone) {
      this.#finish();
      return;
    }
    if (!flushed) upstream.socket.pause();
    this.#streamOn(upstream);
  }

  #answered(status: number, nowMs: number, node: UpstreamNode): void {
    const latencyMs = nowMs - this.#startedAtMs;
    const isCompared = this.#attempt.answered(status, latencyMs, nowMs, this.#response.headSource);
    if (isCompared && status >= 500 && this.#assigned.arm === Y)
      this.#remember(status, null, latencyMs, node.id);
    if (status < 500) node.succeeded();
    else if (node.failed()) this.#runtime.clusters[this.#assigned.arm].considerEjection(node, nowMs);
  }

  /** Keeps what an operator needs to find a failed request of Y again. */
  #remember(status: number | null, kind: FailureKind | null, latencyMs: number, node: string | null): void {
    const { requestId, startLine } = this.request;
    const { failureSamples } = this.#runtime;
    const { routeSlot } = this.#assigned;
    failureSamples.add({
      atMs: Date.now(),
      requestId,
      node,
      status,
      kind,
      latencyMs,
      request: startLine,
      routeSlot,
    });
  }

  #streamOn(upstream: UpstreamConnection): void {
    this.#runtime.wheel.set(upstream, this.#runtime.config.timeouts.responseBodyMs);
  }

  #relayBody(bytes: Buffer, length: number, client: Downstream, upstream: UpstreamConnection): void {
    const result = this.#response.relay(bytes, length, client);
    if (result === RelayResult.invalid) {
      this.#truncate();
      return;
    }
    if (result === RelayResult.pending) upstream.socket.pause();
    if (this.#response.body.isDone) this.#finish();
    else this.#streamOn(upstream);
  }

  onClientDrained(): void {
    this.#upstream?.socket.resume();
  }

  onUpstreamEnd(): void {
    if (!this.#response.isHeadForwarded) this.#fail('reset', 'upstreamReset');
    else if (this.#response.body.framing === Framing.close) this.#finish();
    else this.#truncate();
  }

  onUpstreamFailed(_code: string, connected: boolean): void {
    if (!connected) this.#fail('connect', 'upstreamConnectFailed');
    else if (!this.#response.isHeadForwarded) this.#fail('reset', 'upstreamReset');
    else this.#truncate();
  }

  onUpstreamDeadline(connected: boolean): void {
    if (!connected) {
      this.#hasTriedAnotherNode = true; // a node that swallows connects cost its time once already
      this.#fail('connect', 'upstreamConnectFailed');
    } else if (!this.#response.isHeadForwarded) this.#fail('timeout', 'upstreamTimeout');
    else if (this.#client?.hasPendingWrites === true && this.#upstream !== null) {
      this.#streamOn(this.#upstream); // the client is slow, not the upstream
    } else this.#truncate();
  }

  // ---- failures before the response head ----

  #fail(kind: FailureKind, error: ProxyErrorName): void {
    const runtime = this.#runtime;
    const upstream = this.#upstream;
    const nowMs = performance.now();
    const wasReused = upstream !== null && upstream.useCount > 0;
    this.#leaveUpstream();
    if (
      kind === 'reset' &&
      wasReused &&
      !this.#hasResponseBytes &&
      !this.#hasRetriedStale &&
      this.#canReplay
    ) {
      this.#hasRetriedStale = true;
      increment(runtime.slab, WORKER.staleReuseRetries);
      this.#open(null);
      return;
    }
    const isCompared = this.#attempt.failed(kind, nowMs);
    if (isCompared && this.#assigned.arm === Y) {
      this.#remember(null, kind, nowMs - this.#startedAtMs, upstream?.node.id ?? null);
    }
    if (upstream?.node.failed() === true) {
      runtime.clusters[this.#assigned.arm].considerEjection(upstream.node, nowMs);
    }
    if (this.#retryOnAnotherNode(kind, upstream)) return;
    if (this.#failOver(kind, nowMs)) return;
    this.#rescue(error);
  }

  /** Everything received is in the buffer, and sending it twice does no harm (RFC 9110 9.2.2). */
  get #canReplay(): boolean {
    return this.request.isIdempotent && this.request.isWhole && this.request.isWithinReplayLimit;
  }

  /**
   * Nothing was sent on a connection that never came to be: any method may try another node. Where a node died with the
   * request before it answered a byte, a request that may be sent again tries another one, once.
   */
  #retryOnAnotherNode(kind: FailureKind, failed: UpstreamConnection | null): boolean {
    if (failed === null || this.#hasTriedAnotherNode) return false;
    const diedSilently = kind === 'reset' && !this.#hasResponseBytes && this.#canReplay;
    if (kind !== 'connect' && !diedSilently) return false;
    const runtime = this.#runtime;
    const others = runtime.clusters[this.#assigned.arm].pick(failed.node, false, this.#startedAtMs);
    if (others === null) return false;
    this.#hasTriedAnotherNode = true;
    increment(runtime.slab, WORKER.connectRetries);
    this.#open(failed.node);
    return true;
  }

  #triggersFailover(kind: FailureKind): boolean {
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

  /** Replays a request that failed on Y on X, when it may be sent again and the budget allows it. */
  #failOver(kind: FailureKind, nowMs: number): boolean {
    const wasSent = kind !== 'connect' && kind !== 'unavailable';
    const mayReplay = wasSent ? this.#canReplay : this.request.isWhole;
    if (!mayReplay || !this.#triggersFailover(kind) || !this.#mayLeaveY(nowMs)) return false;
    countFailover(this.#runtime.slab, kind);
    this.#moveToX();
    return true;
  }

  #failOverForStatus(status: number, nowMs: number): boolean {
    if (!this.#canReplay || !this.#runtime.triggers.includesStatus(status) || !this.#mayLeaveY(nowMs))
      return false;
    countFailover(this.#runtime.slab, status);
    this.#leaveUpstream();
    this.#moveToX();
    return true;
  }

  #mayLeaveY(nowMs: number): boolean {
    if (this.#assigned.arm !== Y || this.#assigned.isPinned || this.#hasFailedOver) return false;
    if (this.#runtime.budget.withdraw(nowMs)) return true;
    increment(this.#runtime.slab, WORKER.failoverBudgetExhausted);
    return false;
  }

  #moveToX(): void {
    this.#hasFailedOver = true;
    this.#assigned.arm = X;
    this.#hasResponseBytes = false;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
    this.#open(null);
  }

  /** Parts with the present connection, which can't be used again. */
  #leaveUpstream(): void {
    const upstream = this.#upstream;
    this.#connectEnded();
    this.#response.reset();
    this.#isSent = false;
    if (upstream === null) return;
    this.#upstream = null;
    upstream.node.requestEnded();
    upstream.close();
  }

  /** The client's own fault: nothing is charged to an arm. */
  #reject(name: ProxyErrorName): void {
    countRejection(this.#runtime.slab, name);
    if (this.#response.isHeadForwarded) {
      this.#cut();
      return;
    }
    this.#leaveUpstream();
    this.#attempt.abandoned();
    this.#respond(name, false);
    this.#end();
  }

  /** The request body did not arrive in time. */
  rejectTimeout(): void {
    this.#reject('requestTimeout');
  }

  #rescue(name: ProxyErrorName): void {
    const nowMs = performance.now();
    const keepAlive = this.request.wantsKeepAlive && this.isRequestDone && !this.#runtime.isDraining;
    countAnswer(this.#runtime.slab, this.#assigned.arm, proxyErrors[name].status, nowMs - this.#startedAtMs);
    this.#respond(name, keepAlive);
    this.#end();
  }

  #respond(name: ProxyErrorName, keepAlive: boolean): void {
    const { requestId, minorVersion, isHead } = this.request;
    const response = Buffer.from(
      rescueResponse(name, { requestId, keepAlive, minorVersion, isHead }),
      'latin1',
    );
    this.#response.keepAlive = keepAlive;
    this.#client?.writeResponse(response, 0, response.length);
  }

  // ---- the end ----

  /** The answer is complete. */
  #finish(): void {
    const upstream = this.#upstream;
    if (upstream !== null) {
      this.#upstream = null;
      upstream.node.requestEnded();
      if (this.#response.isUpstreamReusable && this.isRequestDone && !this.#isSendPending) {
        upstream.socket.resume();
        upstream.release();
      } else upstream.close();
    }
    this.#end();
  }

  /** Gives everything back and tells the client connection. */
  #end(): void {
    const client = this.#client;
    const keepAlive = this.#response.keepAlive && this.isRequestDone;
    const clientCloses = this.isRequestDone && !this.request.wantsKeepAlive;
    this.request.end(this.#isSendPending);
    this.#client = null;
    this.#attempt.abandoned();
    client?.exchangeDone(keepAlive, clientCloses);
  }

  /** The upstream began an answer and did not complete it. */
  #truncate(): void {
    increment(this.#runtime.slab, WORKER.truncatedResponses);
    this.#attempt.truncated();
    this.#cut();
  }

  /** The answer had begun and can't be completed. */
  #cut(): void {
    const client = this.#client;
    const mustReset = this.#response.looksCompleteWhenCut;
    this.#leaveUpstream();
    this.request.end(this.#isSendPending);
    this.#client = null;
    client?.responseCut(mustReset);
  }

  /** The client is gone: nothing more can be delivered. */
  abort(): void {
    increment(this.#runtime.slab, WORKER.clientAborts);
    this.#attempt.abandoned();
    this.#leaveUpstream();
    this.request.end(true);
    this.#client = null;
  }

  #switchProtocols(client: Downstream, upstream: UpstreamConnection): void {
    const rest = this.#response.forwardSwitch(client);
    upstream.node.requestEnded();
    this.#upstream = null;
    this.request.end(this.#isSendPending);
    this.#client = null;
    client.becomeTunnel(upstream.surrender(), rest);
  }
}
