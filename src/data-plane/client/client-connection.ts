// One HTTP/1.x connection of a client: finds heads in its bytes, runs one exchange at a time in the order of the requests
// (pipelining), and closes so that the last answer reaches the client. What happens to a request is in exchange.ts.
import { type ProxyErrorName, proxyErrors } from '#src/base/error-catalog.ts';
import { parseRequestHead, scanHead } from '#src/core/http1/request-head.ts';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { Timed } from '#src/data-plane/base/timer-wheel.ts';
import type { TurnWaiter } from '#src/data-plane/base/turn-queue.ts';
import { countRejection } from '#src/data-plane/counting/answer-counters.ts';
import type { Downstream } from '#src/data-plane/exchange/downstream.ts';
import { rescueResponse } from '#src/data-plane/exchange/rescue.ts';
import type { Exchange } from '#src/data-plane/exchange.ts';
import type { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import type { Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { lingerBytesMax, lingerMsMax, pipelinedRequestsPerTurnMax } from '#src/limits.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { ClientIdentity } from './client-identity.ts';
import type { ClientRegistry, Closable } from './client-registry.ts';
import { PendingInput } from './pending-input.ts';
import { openTunnel } from './tunnel.ts';

/** Where a connection is in its life. */
const State = {
  /** Between requests: nothing of the next one has arrived. */
  idle: 0,
  /** Part of a head is there. */
  head: 1,
  /** Something is there and waits for a later turn of the event loop. */
  queued: 2,
  /** An exchange runs and its request body is still arriving. */
  body: 3,
  /** An exchange runs; what arrives belongs to the next request. */
  busy: 4,
  /** The answer is complete but has not reached the kernel; the next request waits. */
  flushing: 5,
  /** We said our last word and wait for the client to hang up. */
  lingering: 6,
  closed: 7,
} as const;
type State = (typeof State)[keyof typeof State];

export class ClientConnection extends Timed implements SocketOwner, Downstream, TurnWaiter, Closable {
  socket: Socket | null;
  readonly openLink: ListLink<Closable>;
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #exchanges: ExchangePool;
  #state: State;
  /** Made when there is a first turn to wait for: most connections never do. */
  #turnLink: ListLink<TurnWaiter> | null;
  #exchange: Exchange | null;
  readonly #identity: ClientIdentity;
  readonly #input: PendingInput;
  #isProcessing: boolean;
  #hasEnded: boolean;
  /** The request body is not read: the upstream has to take what there is first. */
  #isRequestPaused: boolean;
  #keepAlive: boolean;
  #clientCloses: boolean;
  #lingeredBytes: number;
  #stalledBytes: number;

  constructor(runtime: WorkerRuntime, registry: ClientRegistry, exchanges: ExchangePool) {
    super();
    this.socket = null;
    this.openLink = new ListLink<Closable>(this);
    this.#runtime = runtime;
    this.#registry = registry;
    this.#exchanges = exchanges;
    this.#state = State.idle;
    this.#turnLink = null;
    this.#exchange = null;
    this.#identity = new ClientIdentity(runtime);
    this.#input = new PendingInput(runtime);
    this.#isProcessing = false;
    this.#hasEnded = false;
    this.#isRequestPaused = false;
    this.#keepAlive = false;
    this.#clientCloses = false;
    this.#lingeredBytes = 0;
    this.#stalledBytes = 0;
  }

  /** The socket is there: wait for the first request. */
  begin(socket: Socket): void {
    this.socket = socket;
    this.#runtime.wheel.set(this, this.#runtime.config.timeouts.clientIdleMs);
    socket.resume();
  }

  get isIdle(): boolean {
    return this.#state === State.idle;
  }

  get hasExchange(): boolean {
    return this.#exchange !== null;
  }

  // ---- bytes from the client ----

  onBytes(bytes: Buffer, length: number): void {
    add(this.#runtime.slab, WORKER.bytesFromClients, length);
    switch (this.#state) {
      case State.idle:
        if (!this.#runtime.turns.mayTake(this.#registry.size)) {
          this.#input.keep(bytes, 0, length);
          this.#waitForTurn();
        } else this.#process(bytes, 0, length);
        return;
      case State.head:
        this.#moreHead(bytes, length);
        return;
      case State.body:
        this.#bodyBytes(bytes, length);
        return;
      case State.queued:
      case State.busy:
      case State.flushing:
        this.#input.keep(bytes, 0, length);
        this.socket?.pause();
        return;
      case State.lingering:
        this.#lingeredBytes += length;
        if (this.#lingeredBytes > lingerBytesMax) this.#close();
        return;
      case State.closed:
        return;
    }
  }

  /** What is there, and what comes until then behind it, is taken in a later turn of the event loop. */
  #waitForTurn(): void {
    this.#state = State.queued;
    this.#runtime.wheel.clear(this);
    this.#turnLink ??= new ListLink<TurnWaiter>(this);
    this.#runtime.turns.wait(this.#turnLink);
  }

  takeTurn(): void {
    if (this.#state !== State.queued) return;
    this.#state = State.idle;
    this.#continue();
  }

  /** A head that comes in pieces is only parsed again when the new bytes can change the answer. */
  #moreHead(bytes: Buffer, length: number): void {
    const input = this.#input;
    const seen = input.length;
    input.keep(bytes, 0, length);
    if (input.buffer === null) return;
    const { limits } = this.#runtime.config;
    if (scanHead(input.buffer, input.from, input.from + seen, input.end, limits) > 0) this.#processInput();
  }

  #bodyBytes(bytes: Buffer, length: number): void {
    const { socket } = this;
    const exchange = this.#exchange;
    if (socket === null || exchange === null) return;
    const taken = exchange.onRequestBytes(bytes, 0, length);
    if (this.#exchange !== exchange || this.#state !== State.body) return;
    if (exchange.isRequestDone) {
      this.#requestReceived();
      this.#input.keep(bytes, taken, length);
      return;
    }
    this.#awaitBody();
  }

  #awaitBody(): void {
    this.#runtime.wheel.set(this, this.#runtime.config.timeouts.requestBodyMs);
  }

  #requestReceived(): void {
    this.#state = State.busy;
    if (this.hasPendingWrites) this.#watchForStall();
    else this.#runtime.wheel.clear(this);
    this.socket?.resume();
  }

  #processInput(): void {
    const { buffer, from, end } = this.#input;
    if (buffer !== null) this.#process(buffer, from, end);
  }

  // ---- requests ----

  /**
   * Takes requests out of bytes[from..end) and keeps what is left. A mistake of ours in doing so ends this connection, and
   * not the one whose news it came up in: an upstream's, or none when a turn came.
   */
  #process(bytes: Buffer, from: number, end: number): void {
    this.#isProcessing = true;
    let at = end;
    try {
      at = this.#takeRequests(bytes, from, end);
    } catch (error) {
      this.#runtime.reportDefect(error);
      this.giveUp();
    }
    this.#isProcessing = false;
    this.#keepRest(bytes, at, end);
  }

  /** As many as are answered at once, and of those not too many in one turn. Returns one past the last byte taken. */
  #takeRequests(bytes: Buffer, from: number, end: number): number {
    let at = from;
    let count = 0;
    while (at < end && this.#isReadyForHead) {
      if (count++ === pipelinedRequestsPerTurnMax) {
        this.#waitForTurn();
        break;
      }
      const next = this.#takeRequest(bytes, at, end);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  get #isReadyForHead(): boolean {
    return this.#state === State.idle || this.#state === State.head;
  }

  #keepRest(bytes: Buffer, at: number, end: number): void {
    const input = this.#input;
    if (bytes === input.buffer) {
      if (at === end || this.#state >= State.lingering) {
        input.drop();
        // Reading stopped while there was input; nothing else would start it again.
        if (this.#state === State.busy || this.#state === State.idle) this.socket?.resume();
      } else input.from = at;
    } else if (this.#state < State.lingering) input.keep(bytes, at, end);
    if (input.buffer !== null && this.#state >= State.busy) this.socket?.pause();
  }

  /** Goes on with what is kept, once its time has come. */
  #continue(): void {
    if (!this.#isReadyForHead || this.#isProcessing) return;
    this.#processInput();
    if (!this.#isReadyForHead) return;
    if (this.#hasEnded) this.#close();
    else this.socket?.resume();
  }

  /** Parses one head at `at` and starts its exchange. Returns one past what was consumed; `at` when it is incomplete. */
  #takeRequest(bytes: Buffer, at: number, end: number): number {
    const runtime = this.#runtime;
    const head = runtime.requestHead;
    const headEnd = parseRequestHead(bytes, at, end, head, runtime.config.limits);
    if (headEnd === 0) {
      if (this.#state === State.idle) {
        this.#state = State.head;
        runtime.wheel.set(this, runtime.config.timeouts.requestHeadMs);
      }
      return at;
    }
    if (headEnd === -1) {
      this.#refuse(head.error ?? 'requestLineInvalid', head.isHead);
      return end;
    }
    const exchange = this.#exchanges.take();
    this.#exchange = exchange;
    this.#state = State.body;
    this.#isRequestPaused = false;
    const peer = this.#identity.peerAt(this.socket?.remoteAddress ?? '');
    const address = this.#identity.addressBehind(peer, head, bytes);
    const consumed = exchange.start(this, peer, address, head, bytes, end);
    if (this.#exchange !== exchange) return consumed;
    if (exchange.isRequestDone) {
      this.#state = State.busy;
      runtime.wheel.clear(this);
    } else this.#awaitBody();
    return consumed;
  }

  // ---- Downstream: what the exchange asks for ----

  writeResponse(bytes: Uint8Array, from: number, to: number): boolean {
    const { socket } = this;
    if (socket === null) return true;
    add(this.#runtime.slab, WORKER.bytesToClients, to - from);
    if (socket.write(bytes, from, to)) return true;
    this.#watchForStall();
    return false;
  }

  relayResponse(bytes: Buffer, from: number, to: number): boolean {
    const { socket } = this;
    if (socket === null) return true;
    add(this.#runtime.slab, WORKER.bytesToClients, to - from);
    if (socket.writeShared(bytes, from, to)) return true;
    this.#watchForStall();
    return false;
  }

  get hasPendingWrites(): boolean {
    return this.socket?.hasPendingWrites === true;
  }

  /** Part of an answer waits for the client to take it. While we read a request body, the deadline for that body runs. */
  #watchForStall(): void {
    this.#stalledBytes = this.socket?.pendingBytes ?? 0;
    if (this.#state !== State.body || this.#isRequestPaused)
      this.#runtime.wheel.set(this, this.#runtime.config.timeouts.clientIdleMs);
  }

  pauseRequest(): void {
    if (this.#state !== State.body) return;
    this.#isRequestPaused = true;
    this.socket?.pause();
  }

  resumeRequest(): void {
    if (this.#state !== State.body) return;
    if (this.#isRequestPaused) this.#awaitBody();
    this.#isRequestPaused = false;
    this.socket?.resume();
  }

  exchangeDone(keepAlive: boolean, clientCloses: boolean): void {
    this.#releaseExchange();
    this.#keepAlive = keepAlive;
    this.#clientCloses = clientCloses;
    if (this.hasPendingWrites) {
      this.#state = State.flushing;
      this.#watchForStall();
    } else this.#answered();
  }

  #answered(): void {
    if (this.#clientCloses && this.#input.buffer === null && !this.#isProcessing) {
      this.#close();
      return;
    }
    if (!this.#keepAlive || (this.#hasEnded && this.#input.buffer === null && !this.#isProcessing)) {
      this.#linger();
      return;
    }
    this.#state = State.idle;
    this.#runtime.wheel.set(this, this.#runtime.config.timeouts.clientIdleMs);
    if (!this.#isProcessing && this.#input.buffer !== null) this.#continue();
  }

  responseCut(reset: boolean): void {
    this.#releaseExchange();
    if (reset) {
      this.socket?.reset();
      this.#close();
    } else this.#linger();
  }

  becomeTunnel(upstream: Socket, rest: Buffer): void {
    const { socket } = this;
    if (socket === null) return;
    this.#releaseExchange();
    const early = this.#input.copy();
    this.#input.drop();
    this.#state = State.closed;
    this.#runtime.wheel.remove(this);
    this.socket = null;
    openTunnel(this.#runtime, this.#registry, this, socket, upstream, rest, early);
  }

  #releaseExchange(): void {
    if (this.#exchange !== null) this.#exchanges.give(this.#exchange);
    this.#exchange = null;
  }

  // ---- the socket's other news ----

  onDrained(): void {
    if (this.#state === State.flushing) this.#answered();
    else {
      if (this.#state === State.busy) this.#runtime.wheel.clear(this);
      this.#exchange?.onClientDrained();
    }
  }

  onEnd(): void {
    this.#hasEnded = true;
    switch (this.#state) {
      case State.idle:
      case State.head:
      case State.lingering:
        this.#close();
        return;
      case State.body:
        // A request that will never be complete.
        this.#abort();
        return;
      case State.queued:
      case State.busy:
      case State.flushing:
      case State.closed:
        // Half-closed: the client still waits for its answers.
        return;
    }
  }

  onFailed(): void {
    this.#abort();
  }

  #abort(): void {
    const exchange = this.#exchange;
    if (exchange !== null) {
      exchange.abort();
      this.#releaseExchange();
    }
    this.#close();
  }

  /** As abort, in a state that may contradict itself: what can't be given back is left to the GC. */
  giveUp(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    try {
      exchange?.abort();
    } catch (error) {
      this.#runtime.reportDefect(error);
    }
    this.#close();
  }

  onDeadline(): void {
    switch (this.#state) {
      case State.idle:
      case State.lingering:
        this.#close();
        return;
      case State.head:
        this.#refuse('requestTimeout', this.#input.beginsHead());
        return;
      case State.body:
        if (!this.#isRequestPaused) this.#exchange?.rejectTimeout();
        else if (!this.hasPendingWrites)
          this.#awaitBody(); // we do not read: it is not the client that is slow
        else this.#endStall();
        return;
      case State.busy:
      case State.flushing:
        this.#endStall();
        return;
      case State.queued:
      case State.closed:
        return;
    }
  }

  /** Goes on waiting for a client that took any byte of a pending write since the last look, and for no other. */
  #endStall(): void {
    const pending = this.socket?.pendingBytes ?? 0;
    if (pending < this.#stalledBytes) this.#watchForStall();
    else this.#abort();
  }

  /** Answers a request that never became an exchange, and closes. */
  #refuse(name: ProxyErrorName, isHead: boolean): void {
    const runtime = this.#runtime;
    countRejection(runtime.slab, name);
    this.refuseWith(name, isHead);
  }

  /** Writes the catalog's response and closes. `isHead`: to a request with HEAD. */
  refuseWith(name: ProxyErrorName, isHead: boolean): void {
    const requestId = Buffer.from(this.#runtime.requestIds.next()).toString('latin1');
    const options = { requestId, keepAlive: false, minorVersion: 1, isHead } as const;
    const response = Buffer.from(rescueResponse(name, options), 'latin1');
    if (proxyErrors[name].status !== 408 || this.#input.length > 0)
      this.socket?.write(response, 0, response.length);
    this.#linger();
  }

  /** No further request is taken: FIN after the last answer, then wait a while for the client to read it and hang up. */
  #linger(): void {
    if (this.#state === State.lingering || this.#state === State.closed) return;
    const { socket } = this;
    if (socket === null) return;
    this.#state = State.lingering;
    if (!this.#isProcessing) this.#input.drop();
    if (this.#hasEnded && !socket.hasPendingWrites) {
      this.#close();
      return;
    }
    socket.shutdown();
    if (this.#hasEnded) this.#runtime.wheel.set(this, this.#runtime.config.timeouts.clientIdleMs);
    else {
      socket.resume();
      this.#runtime.wheel.set(this, lingerMsMax);
    }
  }

  /** Ends the connection: idle ones when draining, all of them at the drain deadline. True when a request was cut. */
  cut(): boolean {
    const wasBusy = this.#exchange !== null || this.#state === State.queued;
    if (wasBusy) this.#abort();
    else this.#close();
    return wasBusy;
  }

  #close(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#runtime.wheel.remove(this);
    if (!this.#isProcessing) this.#input.drop();
    this.socket?.destroy();
    this.socket = null;
    this.#registry.remove(this);
  }
}
