// One HTTP/1.x connection of a client: finds heads in its bytes, runs one exchange at a time in the order of
// the requests (pipelining), and closes so that the last answer reaches the client. What it does in which
// state is a table in connection-states.ts, what an answer looks like is in http1-response.ts, what happens
// to a request in exchange.ts.
import { assert } from '#src/base/assert.ts';
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { parseRequestHead, type RequestHead } from '#src/core/http1/request-head.ts';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { Timed } from '#src/data-plane/base/timer-wheel.ts';
import type { TurnWaiter } from '#src/data-plane/base/turn-queue.ts';
import { countRejection } from '#src/data-plane/counting/answer-counters.ts';
import type { Downstream } from '#src/data-plane/exchange/downstream.ts';
import type { Exchange } from '#src/data-plane/exchange.ts';
import type { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import type { Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { lingerBytesMax, pipelinedRequestsPerTurnMax } from '#src/limits.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { ClientDeadline } from './client-deadline.ts';
import { ClientIdentity } from './client-identity.ts';
import type { ClientRegistry, Closable } from './client-registry.ts';
import { Awaits, type ConnectionActions, type ConnectionState, Quiet, State } from './connection-states.ts';
import { Http1Response, Next, type ResponseConnection } from './http1-response.ts';
import { PendingInput } from './pending-input.ts';
import { openTunnel } from './tunnel.ts';

export class ClientConnection
  extends Timed
  implements SocketOwner, Downstream, TurnWaiter, Closable, ConnectionActions, ResponseConnection
{
  socket: Socket | null;
  readonly openLink: ListLink<Closable>;
  readonly answer: Http1Response;
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #exchanges: ExchangePool;
  readonly #identity: ClientIdentity;
  readonly #input: PendingInput;
  readonly #deadline: ClientDeadline;
  #state: ConnectionState;
  /** The one that is started or runs. */
  #exchange: Exchange | null;
  /** What follows on the answer that is complete. */
  #next: Next;
  /** Made when there is a first turn to wait for: most connections never do. */
  #turnLink: ListLink<TurnWaiter> | null;
  #droppedBytes: number;

  constructor(runtime: WorkerRuntime, registry: ClientRegistry, exchanges: ExchangePool) {
    super();
    this.socket = null;
    this.openLink = new ListLink<Closable>(this);
    this.answer = new Http1Response(runtime, this);
    this.#runtime = runtime;
    this.#registry = registry;
    this.#exchanges = exchanges;
    this.#identity = new ClientIdentity(runtime);
    this.#input = new PendingInput(runtime);
    this.#deadline = new ClientDeadline(runtime, this);
    this.#state = State.idle;
    this.#exchange = null;
    this.#next = Next.request;
    this.#turnLink = null;
    this.#droppedBytes = 0;
  }

  /** The socket is there: wait for the first request. */
  begin(socket: Socket): void {
    this.socket = socket;
    this.#enter(State.fresh);
  }

  get isIdle(): boolean {
    return this.#state === State.idle || this.#state === State.fresh;
  }
  get quiet(): Quiet {
    if (this.#state !== State.answering) return this.#state.quiet;
    if (this.hasPendingWrites) return Quiet.reader;
    return this.#hasLeft ? Quiet.left : Quiet.never;
  }
  get quietSinceMs(): number {
    return this.#deadline.sinceMs;
  }
  get node(): UpstreamNode | null {
    return this.#exchange?.node ?? null;
  }
  giveWay(forNode: boolean): void {
    this.#exchange?.withdraw();
    if (forNode && this.#isReceiving) this.#exchange?.reject('requestTimeout');
    else this.abort();
  }
  giveUpY(): void {
    this.#exchange?.giveUpY();
  }

  // ---- what happens ----

  onBytes(bytes: Buffer, length: number): void {
    add(this.#runtime.slab, WORKER.bytesFromClients, length);
    this.#state.bytes(this, bytes, length);
  }
  onEnd(): void {
    this.#state.end(this);
  }
  onDrained(): void {
    this.#state.drained(this);
  }
  onDeadline(): void {
    this.#state.deadline(this);
  }
  onFailed(): void {
    this.abort();
  }

  // ---- states ----

  #enter(state: ConnectionState): void {
    this.#state = state;
    this.#setDeadline(state.awaits);
    this.#input.setReading(state.reads, this.socket);
  }

  #setDeadline(awaits: Awaits): void {
    const { isEnded } = this.#input;
    if (awaits === Awaits.nothing || (awaits === Awaits.writes && !this.hasPendingWrites)) {
      if (this.#hasLeft) this.#deadline.set(Awaits.leaver, isEnded, 0, Number.POSITIVE_INFINITY);
      else this.#deadline.clear();
      return;
    }
    const pendingBytes = awaits === Awaits.writes ? (this.socket?.pendingBytes ?? 0) : 0;
    const request = awaits === Awaits.body ? this.#exchange?.request : undefined;
    this.#deadline.set(awaits, isEnded, pendingBytes, request?.bodyMsLeft ?? Number.POSITIVE_INFINITY);
  }

  /** It has ended its side and nothing of its answer has come: most that do so are gone. */
  get #hasLeft(): boolean {
    return this.#input.isEnded && this.#state === State.answering && this.#exchange?.hasAnswered === false;
  }

  get #isReadyForHead(): boolean {
    return this.isIdle || this.#state === State.head;
  }

  get #isQueued(): boolean {
    return this.#state === State.queued || this.#state === State.yielded;
  }

  get #isReceiving(): boolean {
    return this.#state === State.receiving || this.#state === State.paused;
  }

  // ---- requests ----

  takeOrQueue(bytes: Buffer, length: number): void {
    if (this.#runtime.turns.mayTake(this.#registry.size)) {
      this.#take(bytes, 0, length, false);
      return;
    }
    this.#input.keep(bytes, 0, length);
    this.#queue(State.queued);
  }

  #queue(state: ConnectionState): void {
    this.#enter(state);
    this.#turnLink ??= new ListLink<TurnWaiter>(this);
    this.#runtime.turns.wait(this.#turnLink);
  }

  takeTurn(): void {
    assert(this.#isQueued, 'who waits for a turn does nothing else');
    const isPipelined = this.#state === State.yielded;
    this.#state = State.idle;
    this.#continue(isPipelined);
  }

  keepForLater(bytes: Buffer, length: number): void {
    this.#input.keep(bytes, 0, length);
    this.socket?.pause();
  }

  keepEnd(): void {
    this.#input.isEnded = true;
    if (this.#hasLeft) this.#setDeadline(Awaits.writes);
  }

  /** Goes on with what was kept. `isPipelined`: it was there when the last answer ended. */
  #continue(isPipelined: boolean): void {
    const { buffer, from, end } = this.#input;
    if (buffer !== null) this.#take(buffer, from, end, isPipelined);
    if (this.#input.isEnded && (this.#isReadyForHead || this.#isReceiving)) this.#state.end(this);
  }

  takeHead(bytes: Buffer, length: number): void {
    if (this.#input.keepHead(bytes, length)) this.#continue(false);
  }

  /**
   * Takes requests out of bytes[from..end) and keeps what is left. A mistake of ours in doing so ends this
   * connection, and not the one whose news it came up in: an upstream's, or none when a turn came.
   */
  #take(bytes: Buffer, from: number, end: number, isPipelined: boolean): void {
    let at = end;
    try {
      at = this.#takeRequests(bytes, from, end, isPipelined);
    } catch (error) {
      this.#runtime.reportDefect(error);
      this.destroy();
    }
    this.#keepRest(bytes, at, end);
  }

  /**
   * As many as are answered at once, and of those not too many in one turn. Returns one past the last byte
   * taken.
   */
  #takeRequests(bytes: Buffer, from: number, end: number, isPipelined: boolean): number {
    let at = from;
    for (let count = 0; at < end && this.#isReadyForHead; count++) {
      if (count === pipelinedRequestsPerTurnMax) {
        this.#queue(State.yielded);
        break;
      }
      const next = this.#takeRequest(bytes, at, end, isPipelined || count > 0);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  /**
   * Parses one head at `at` and starts its exchange. Returns one past what was taken; `at` when it is
   * incomplete.
   */
  #takeRequest(bytes: Buffer, at: number, end: number, isPipelined: boolean): number {
    const { requestHead: head, config, slab } = this.#runtime;
    const headEnd = parseRequestHead(bytes, at, end, head, config.limits);
    if (headEnd === 0) {
      if (this.#state === State.idle) this.#enter(State.head);
      // The time for the first head goes on.
      else if (this.#state === State.fresh) this.#state = State.head;
      return at;
    }
    if (headEnd === -1) {
      this.refuse(head.error ?? 'requestLineInvalid', head.isHead);
      return end;
    }
    if (isPipelined) increment(slab, WORKER.pipelinedRequests);
    return this.#start(head, bytes, end);
  }

  /** Starts the exchange for the head that was parsed from bytes[..end). Returns one past what it took. */
  #start(head: RequestHead, bytes: Buffer, end: number): number {
    const exchange = this.#exchanges.take();
    this.#exchange = exchange;
    this.#state = State.starting;
    this.answer.begin(head);
    const peer = this.#identity.peerAt(this.socket?.remoteAddress ?? '');
    const address = this.#identity.addressBehind(peer, head, bytes);
    const taken = exchange.start(this, peer, address, head, bytes, end);
    if (this.#exchange === null) this.#answered(taken < end);
    else if (exchange.isRequestDone) this.#enter(State.answering);
    else if (this.#state === State.starting) this.#enter(State.receiving);
    return taken;
  }

  takeBody(bytes: Buffer, length: number): void {
    const exchange = this.#exchange;
    assert(exchange !== null, 'a body belongs to an exchange');
    const taken = exchange.onRequestBytes(bytes, 0, length);
    if (this.#exchange !== exchange) return;
    if (exchange.isRequestDone) {
      this.#enter(State.answering);
      this.#keepRest(bytes, taken, length);
    } else if (this.#state === State.receiving) this.#enter(State.receiving);
  }

  /** Keeps what of bytes[..end) is left behind `at`, if it is still of interest. */
  #keepRest(bytes: Buffer, at: number, end: number): void {
    const input = this.#input;
    if (at === end && input.isEmpty) return;
    if (this.#state === State.lingering || this.#state === State.closed) input.drop();
    else if (bytes === input.buffer) input.dropTo(at);
    else input.keep(bytes, at, end);
    input.setReading(this.#state.reads, this.socket);
  }

  // ---- Downstream: what the exchange asks for ----

  get hasPendingWrites(): boolean {
    return this.socket?.hasPendingWrites === true;
  }

  pauseRequest(): void {
    if (this.#state === State.receiving || this.#state === State.starting) this.#enter(State.paused);
  }

  resumeRequest(): void {
    if (this.#state === State.paused) this.#enter(State.receiving);
  }

  rejectLateBody(): void {
    this.#exchange?.reject('requestTimeout');
  }

  exchangeDone(): void {
    this.#next = this.answer.next(this.#exchange?.isRequestDone === true);
    this.#releaseExchange();
    if (this.#state !== State.starting) this.answerTaken();
  }

  answerTaken(): void {
    this.#answered(!this.#input.isEmpty);
    if (this.#state === State.idle) this.#continue(true);
  }

  /** The answer is complete. `isMoreThere`: behind its request, whether that is wanted or not. */
  #answered(isMoreThere: boolean): void {
    if (this.hasPendingWrites) this.#enter(State.flushing);
    else if (this.#next === Next.request) this.#enter(State.idle);
    else if (this.#next === Next.linger || isMoreThere) this.#linger();
    else this.close();
  }

  exchangeCut(): void {
    this.#releaseExchange();
    if (this.answer.endsWithConnection) {
      this.socket?.reset();
      this.close();
    } else this.#linger();
  }

  becomeTunnel(upstream: Socket, rest: Buffer): void {
    const { socket } = this;
    assert(socket !== null, 'an exchange has a client');
    this.#releaseExchange();
    const early = this.#input.takeCopy();
    this.#state = State.closed;
    this.#runtime.wheel.remove(this);
    this.socket = null;
    openTunnel(this.#runtime, this.#registry, this, socket, upstream, rest, early);
  }

  #releaseExchange(): void {
    if (this.#exchange !== null) this.#exchanges.give(this.#exchange);
    this.#exchange = null;
  }

  // ---- what waits to be written ----

  writesWait(): void {
    if (this.#state.awaits === Awaits.writes) this.#setDeadline(Awaits.writes);
  }

  resumeAnswer(): void {
    this.#exchange?.onClientDrained();
  }

  /**
   * Goes on waiting for a client that took any byte since the last look, or has taken everything that there
   * is of its answer, and for no other.
   */
  endStall(): void {
    const pendingBytes = this.socket?.pendingBytes ?? 0;
    if (this.#deadline.hasTaken(pendingBytes) || (pendingBytes === 0 && !this.#hasLeft))
      this.#setDeadline(Awaits.writes);
    else this.abort();
  }

  // ---- the end ----

  refuseLateHead(): void {
    this.refuse('requestTimeout', this.#input.beginsHead());
  }

  /** Answers what never became an exchange, and closes. `isHead`: a request with HEAD. */
  refuse(name: ProxyErrorName, isHead: boolean): void {
    countRejection(this.#runtime.slab, name);
    this.answer.refuse(name, isHead);
    this.#linger();
  }

  /**
   * No further request is taken: FIN after the last answer, then wait a while for the client to read it and
   * hang up.
   */
  #linger(): void {
    this.#input.drop();
    if (this.#input.isEnded && !this.hasPendingWrites) {
      this.close();
      return;
    }
    this.socket?.shutdown();
    this.#enter(State.lingering);
  }

  drop(_bytes: Buffer, length: number): void {
    this.#droppedBytes += length;
    if (this.#droppedBytes > lingerBytesMax) this.close();
  }

  lastAnswerTaken(): void {
    if (this.#input.isEnded) this.close();
  }

  /**
   * Ends the connection: idle ones when draining, all of them at the drain deadline. True when a request was
   * cut.
   */
  cut(): boolean {
    const wasBusy = this.#exchange !== null || this.#isQueued;
    this.abort();
    return wasBusy;
  }

  abort(): void {
    this.#exchange?.abort();
    this.#releaseExchange();
    this.close();
  }

  /** As abort, in a state that may contradict itself: what can't be given back is left to the GC. */
  destroy(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    try {
      exchange?.abort();
    } catch (error) {
      this.#runtime.reportDefect(error);
    }
    this.close();
  }

  close(): void {
    if (this.#state === State.closed) return;
    if (this.#isQueued && this.#turnLink !== null) this.#runtime.turns.leave(this.#turnLink);
    this.#state = State.closed;
    this.#runtime.wheel.remove(this);
    this.#input.drop();
    this.socket?.destroy();
    this.socket = null;
    this.#registry.remove(this);
  }
}
