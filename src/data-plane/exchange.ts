// One request from its head to the end of its answer, as named phases:
//   start -> draw -> [gather] -> open (node, connection) -> send -> [retry | failover] -> acceptHead -> relay
//     -> finish Every failure ends in fail() before the response head and in cut() after it; what may still
//     save the request is in exchange/recovery.ts. Nothing here knows HTTP/1.1 connections
//     (client-connection.ts) or sockets (transport/).
import { type FailureKind, type ProxyErrorName, proxyErrors } from '#src/base/error-catalog.ts';
import { Framing } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';
import { closedCode, deadlineCode, type FailurePhase, faultCode } from '#src/core/telemetry/failure-cause.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER, X } from '#src/shared-memory/layout.ts';
import type { Peer } from './base/peer-directory.ts';
import { countRejection } from './counting/answer-counters.ts';
import { Assignment } from './exchange/assignment.ts';
import { BodyWait } from './exchange/body-wait.ts';
import type { Downstream } from './exchange/downstream.ts';
import { OutcomeLedger } from './exchange/outcome-ledger.ts';
import { Recovery } from './exchange/recovery.ts';
import { RecoveryStep } from './exchange/recovery-policy.ts';
import { RequestMessage } from './exchange/request-message.ts';
import { HeadResult, RelayResult, ResponseRelay } from './exchange/response-relay.ts';
import { setUpstreamDeadline } from './exchange/upstream-deadline.ts';
import { noNode, ownShortage, type UpstreamFailure, upstreamFailure } from './exchange/upstream-failure.ts';
import type { PooledConnection } from './upstream/pooled-connection.ts';
import { type Leaseholder, LeaseResult, UpstreamLease } from './upstream/upstream-lease.ts';
import type { UpstreamNode } from './upstream/upstream-node.ts';
import type { WorkerRuntime } from './worker-runtime.ts';

/**
 * The global one, looked up once: it is lazy there, and V8 looks a lazy one up anew at each use, 40 ns twice
 * a request.
 */
const { performance } = globalThis;

export class Exchange implements Leaseholder {
  readonly request: RequestMessage;
  /** Whether the request body was completely received, and is valid. */
  isRequestDone: boolean;
  readonly #runtime: WorkerRuntime;
  readonly #ledger: OutcomeLedger;
  readonly #response: ResponseRelay;
  readonly #assigned: Assignment;
  readonly #recovery: Recovery;
  readonly #lease: UpstreamLease;
  readonly #bodyWait: BodyWait;
  #client: Downstream | null;
  #startedAtMs: number;
  /** The request's bytes are on their way on the present connection. */
  #isSent: boolean;
  #isSendPending: boolean;

  constructor(runtime: WorkerRuntime) {
    this.request = new RequestMessage(runtime);
    this.isRequestDone = false;
    this.#runtime = runtime;
    this.#response = new ResponseRelay(runtime);
    this.#assigned = new Assignment();
    this.#ledger = new OutcomeLedger(runtime, this.request, this.#assigned);
    this.#recovery = new Recovery(runtime, this.request, this.#assigned);
    this.#lease = new UpstreamLease(runtime, this);
    this.#bodyWait = new BodyWait(runtime.wheel, () => this.#open(null));
    this.#client = null;
    this.#startedAtMs = 0;
    this.#isSent = false;
    this.#isSendPending = false;
  }

  /**
   * Starts on the request of `peer`, made for `clientAddress`, whose head was parsed from bytes[..end).
   * Returns one past the last byte taken: of the head, and of the body as far as it is there. The exchange
   * may be over when this returns.
   */
  start(
    client: Downstream,
    peer: Peer,
    clientAddress: string,
    head: RequestHead,
    bytes: Uint8Array,
    end: number,
  ): number {
    const runtime = this.#runtime;
    this.#reset(client);
    const { headEnd } = head;
    this.request.begin(head, bytes, runtime.additionsFor(peer));
    if (this.request.announcesTooMuch(head)) {
      this.reject('bodyTooLarge');
      return headEnd;
    }
    const taken = this.#takeBody(bytes, headEnd, end);
    if (taken === -1) return headEnd;
    if (taken > headEnd) this.request.append(bytes, headEnd, taken);
    // Only now: a request that is refused takes part in nothing.
    this.#assigned.draw(runtime, head, bytes, clientAddress, this.#startedAtMs);
    this.#ledger.begin(this.#startedAtMs, this.isRequestDone);
    if (this.request.gathers(head)) this.#bodyWait.begin(runtime.config.timeouts.requestBodyWaitMs);
    else this.#open(null);
    this.#holdBack();
    return taken;
  }

  #reset(client: Downstream): void {
    this.isRequestDone = false;
    this.#client = client;
    this.#startedAtMs = performance.now();
    this.#isSent = false;
    this.#isSendPending = false;
    this.#recovery.reset();
    this.#response.reset();
  }

  /** Checks request body bytes; -1 when they are invalid and the request was rejected for it. */
  #takeBody(bytes: Uint8Array, from: number, end: number): number {
    const taken = this.request.takeBody(bytes, from, end);
    if (taken === -1) this.reject(this.request.bodyFault);
    else this.isRequestDone = this.request.isDone;
    return taken;
  }

  /** More of the request body; returns one past the last byte that belongs to it. */
  onRequestBytes(bytes: Buffer, from: number, end: number): number {
    const taken = this.#takeBody(bytes, from, end);
    if (taken === -1) return end;
    if (this.isRequestDone) this.#ledger.requestDone(performance.now());
    if (!this.#isSent) this.#keepUnsent(bytes, from, taken);
    else this.#forwardBody(bytes, from, taken);
    return taken;
  }

  /** The connection is not there yet: what arrives meanwhile waits in the buffer. */
  #keepUnsent(bytes: Buffer, from: number, to: number): void {
    if (!this.request.append(bytes, from, to)) this.reject('bodyTooLarge');
    else if (this.#bodyWait.isOn && (this.isRequestDone || !this.request.isWithinReplayLimit)) {
      this.#bodyWait.end();
      this.#open(null);
    }
    this.#holdBack();
  }

  /**
   * The buffer has room for the replay limit and one read more: beyond the limit, reading waits for the
   * connection.
   */
  #holdBack(): void {
    if (this.#isSent || this.isRequestDone || this.request.isWithinReplayLimit) return;
    this.#client?.pauseRequest();
  }

  #forwardBody(bytes: Buffer, from: number, to: number): void {
    const { request } = this;
    const upstream = this.#lease.connection;
    if (upstream === null) return;
    if (request.isWhole && !this.#response.isHeadForwarded) {
      request.isWhole = request.isWithinReplayLimit && request.append(bytes, from, to);
    }
    if (!upstream.socket.writeShared(bytes, from, to)) this.#client?.pauseRequest();
    this.#awaitUpstream();
  }

  // ---- connection ----

  /** `failedCode`: what the connect to `except` failed with that this request was waiting for. */
  #open(except: UpstreamNode | null, failedCode: string | null = null): void {
    const runtime = this.#runtime;
    const cluster = runtime.clusters[this.#assigned.arm];
    // With X to fall back on there is no point in trying a Y that is known to be down.
    const panic = this.#assigned.arm === X || this.#assigned.isPinned || !runtime.clusters[X].hasEligibleNode;
    const node = cluster.pick(except, panic, this.#startedAtMs);
    if (node === null) {
      this.#fail(noNode(failedCode), failedCode === null ? null : except);
      return;
    }
    switch (this.#lease.take(node, this.#recovery.needsFreshConnection)) {
      case LeaseResult.ready:
        this.#send();
        return;
      case LeaseResult.pending:
        return;
      case LeaseResult.noConnection:
        this.#fail(ownShortage('connections'), node);
        return;
      case LeaseResult.queueFull:
        this.#fail(ownShortage('queue'), node);
        return;
    }
  }

  onUpstreamConnected(): void {
    this.#lease.pendingEnded();
    this.#send();
  }

  onConnectFailed(code: string): void {
    if (code === deadlineCode) this.#recovery.connectTimedOut();
    this.#failIn('connect', code);
  }

  onRedispatch(node: UpstreamNode, code: string | null): void {
    this.#leaveUpstream();
    this.#open(node, code);
  }
  onHeldUp(): void {
    this.#ledger.ranShort();
  }

  #send(): void {
    const { request } = this;
    const upstream = this.#lease.connection;
    if (upstream === null) return;
    this.#isSent = true;
    this.#isSendPending = !upstream.socket.write(request.buffer, 0, request.length);
    if (this.#isSendPending) this.#client?.pauseRequest();
    else if (!this.isRequestDone) this.#client?.resumeRequest();
    this.#awaitUpstream();
  }

  #awaitUpstream(): void {
    const { connection: upstream } = this.#lease;
    if (upstream === null) return;
    setUpstreamDeadline(this.#runtime, upstream, this.isRequestDone, this.hasAnswered);
  }

  onUpstreamDrained(): void {
    this.#isSendPending = false;
    this.#awaitUpstream();
    if (!this.isRequestDone) this.#client?.resumeRequest();
  }

  // ---- response ----

  onUpstreamBytes(bytes: Buffer, length: number): void {
    const client = this.#client;
    const { connection: upstream, node } = this.#lease;
    if (client === null || upstream === null || node === null) return;
    this.#recovery.hasResponseBytes = true;
    if (this.#response.isHeadForwarded) {
      this.#relayBody(bytes, length, client, upstream);
      return;
    }
    const head = this.#runtime.responseHead;
    switch (this.#response.readHead(head, bytes, length, this.request, client.answer)) {
      case HeadResult.incomplete:
        return;
      case HeadResult.invalid:
        this.#failIn('head', faultCode(this.#response.fault));
        return;
      case HeadResult.final:
        this.#acceptHead(head, client, upstream, node);
        return;
    }
  }

  /**
   * The final head is there: the attempt has its outcome, and the answer begins, unless X is to give a better
   * one.
   */
  #acceptHead(head: ResponseHead, client: Downstream, upstream: PooledConnection, node: UpstreamNode): void {
    const { status } = head;
    const nowMs = performance.now();
    this.#ledger.answered(status, nowMs, node, this.#response.headSource);
    if (status >= 500 && this.#recover(this.#recovery.afterStatus(status, nowMs), status, null)) return;
    this.#ledger.delivered(status, nowMs);
    if (status === 101) {
      this.#switchProtocols(head, client, upstream);
      return;
    }
    const flushed = this.#response.forwardHead(head, client.answer, this.isRequestDone);
    if (this.#response.body.isDone) {
      this.#finish();
      return;
    }
    if (!flushed) upstream.socket.pause();
    this.#awaitUpstream();
  }

  #relayBody(bytes: Buffer, length: number, client: Downstream, upstream: PooledConnection): void {
    const result = this.#response.relay(bytes, length, client.answer);
    if (result === RelayResult.invalid) {
      this.#failIn('body', faultCode(this.#response.fault));
      return;
    }
    if (result === RelayResult.pending) upstream.socket.pause();
    if (this.#response.body.isDone) this.#finish();
    else this.#awaitUpstream();
  }

  onClientDrained(): void {
    this.#lease.connection?.socket.resume();
  }

  onUpstreamEnd(): void {
    const isEndOfBody = this.#response.isHeadForwarded && this.#response.body.framing === Framing.close;
    if (isEndOfBody) this.#finish();
    else this.#failIn(this.#phase, closedCode);
  }

  onUpstreamFailed(code: string, connected: boolean): void {
    if (!connected) this.onConnectFailed(code);
    else this.#failIn(code === 'EPIPE' && this.#phase === 'head' ? 'send' : this.#phase, code);
  }

  onUpstreamDeadline(connected: boolean): void {
    if (!connected) this.onConnectFailed(deadlineCode);
    else if (this.#response.isHeadForwarded && this.#client?.hasPendingWrites === true)
      this.#awaitUpstream(); // the client is slow, not the upstream
    else this.#failIn(this.#phase, deadlineCode);
  }

  /** How far the exchange has come on its connection. */
  get #phase(): FailurePhase {
    if (this.#response.isHeadForwarded) return 'body';
    const isSending = !this.isRequestDone || this.#lease.connection?.socket.hasPendingWrites === true;
    return isSending ? 'send' : 'head';
  }

  // ---- failures ----

  /** The connection to the node, or the attempt to get one, failed in this phase. */
  #failIn(phase: FailurePhase, code: string): void {
    const failure = upstreamFailure(phase, code);
    if (phase === 'body') this.#cutShort(failure);
    else this.#fail(failure, this.#lease.node);
  }

  /** The try on `node` (null: there was none) failed before the response head. */
  #fail(failure: UpstreamFailure, node: UpstreamNode | null): void {
    const nowMs = performance.now();
    const { isReused } = this.#lease;
    this.#leaveUpstream();
    const step = this.#recovery.afterFailure(failure, isReused, node, nowMs);
    if (step !== RecoveryStep.freshConnection) this.#ledger.failed(failure, node, nowMs);
    if (!this.#recover(step, proxyErrors[failure.error].kind, node)) this.#rescue(failure.error);
  }

  /** Tries again as the step says; false when it says to give up. `reason`: what failed, for a move to X. */
  #recover(step: RecoveryStep, reason: FailureKind | number | null, failed: UpstreamNode | null): boolean {
    this.#ledger.stepTaken(step, reason);
    if (step === RecoveryStep.giveUp || step === RecoveryStep.budgetSpent) return false;
    this.#leaveUpstream();
    if (step === RecoveryStep.otherCluster) this.#recovery.moveToX();
    this.#open(step === RecoveryStep.anotherNode ? failed : null);
    return true;
  }

  /** Parts with the present connection, which can't be used again. */
  #leaveUpstream(): void {
    this.#bodyWait.end();
    this.#response.reset();
    this.#isSent = false;
    this.#lease.drop();
  }

  /** The client's own fault: nothing is charged to an arm. */
  reject(name: ProxyErrorName): void {
    countRejection(this.#runtime.slab, name);
    if (this.#response.isHeadForwarded) {
      this.#cut();
      return;
    }
    this.#leaveUpstream();
    this.#ledger.abandoned();
    this.#respond(name);
    this.#end();
  }

  // ---- what its client's connection asks ----

  get node(): UpstreamNode | null {
    return this.#lease.node;
  }
  /** Whether an answer has begun. */
  get hasAnswered(): boolean {
    return this.#response.isHeadForwarded;
  }
  /** The request gives way to others: what becomes of it says nothing about its cluster. */
  withdraw(): void {
    this.#ledger.ranShort();
  }
  /** Y has no share any more: X gets a request that waits for Y, where it may be sent again. */
  giveUpY(): void {
    if (this.hasAnswered || !this.#recovery.mayGiveUpY(this.#isSent)) return;
    this.#ledger.givenUp();
    this.#leaveUpstream();
    this.#recovery.moveToX();
    this.#open(null);
  }

  #rescue(name: ProxyErrorName): void {
    const { status, fault } = proxyErrors[name];
    // What fails at our own end is no answer of a cluster.
    if (fault === 'crossover') countRejection(this.#runtime.slab, name);
    else this.#ledger.delivered(status, performance.now());
    this.#respond(name);
    this.#end();
  }

  #respond(name: ProxyErrorName): void {
    this.#client?.answer.sendError(name, this.request.requestId, this.isRequestDone);
  }

  // ---- the end ----

  /** The answer is complete. */
  #finish(): void {
    this.#lease.giveBack(this.#response.isUpstreamReusable && this.isRequestDone && !this.#isSendPending);
    this.#end();
  }

  /** Gives everything back and tells the client connection. */
  #end(): void {
    const client = this.#client;
    this.request.end(this.#isSendPending);
    this.#client = null;
    this.#ledger.abandoned();
    client?.exchangeDone();
  }

  /** The upstream began an answer and did not complete it. */
  #cutShort(failure: UpstreamFailure): void {
    this.#ledger.truncated(failure, this.#lease.node, performance.now());
    this.#cut();
  }

  /** The answer had begun and can't be completed. */
  #cut(): void {
    const client = this.#client;
    this.#leaveUpstream();
    this.request.end(this.#isSendPending);
    this.#client = null;
    client?.exchangeCut();
  }

  /** The client is gone: nothing more can be delivered. */
  abort(): void {
    increment(this.#runtime.slab, WORKER.clientAborts);
    this.#ledger.abandoned();
    this.#leaveUpstream();
    this.request.end(true);
    this.#client = null;
  }

  #switchProtocols(head: ResponseHead, client: Downstream, upstream: PooledConnection): void {
    const rest = this.#response.forwardSwitch(head, client.answer);
    const socket = this.#lease.surrender(upstream);
    this.request.end(this.#isSendPending);
    this.#client = null;
    client.becomeTunnel(socket, rest);
  }
}
