// A socket on Node's TCP handle itself: no stream machinery, no events, no allocation per read or write. All
// sockets of one kind read into one shared buffer; a write that completes at once (nearly all do) needs no
// request object either.
import { getSystemErrorName } from 'node:util';
import { BufferPool } from './buffer-pool.ts';
import type { ConnectingOwner, Socket, SocketOwner } from './socket.ts';
import type { ConnectRequest, ShutdownRequest, TcpBinding, TcpHandle, WriteRequest } from './tcp-binding.ts';

// Not imported: an import reads every export, and some load what a worker never needs, 0.45 MiB in each.
const { writeSync } = process.getBuiltinModule('node:fs');

const endOfFile = -4095; // UV_EOF
const connectionAborted = -103; // UV_ECONNABORTED

/**
 * Buffers for what waits to be written that are kept when nothing waits: what a few slow readers use in turn.
 */
const spareRestsMax = 4;

/** Binding and shared read buffer that all raw sockets of one kind (clients, upstreams) use. */
export class RawSocketEnvironment {
  readonly binding: TcpBinding;
  readonly sharedBuffer: Buffer;
  /** Taken by the next write; only replaced when a write goes asynchronous and keeps it. */
  spareWrite: WriteRequest;
  /** For what the kernel does not take at once of bytes in the shared buffer. */
  readonly rests: BufferPool;
  /** Told of exceptions in a socket's owner. */
  readonly onDefect: (error: unknown) => void;

  constructor(binding: TcpBinding, sharedBuffer: Buffer, onDefect: (error: unknown) => void) {
    this.onDefect = onDefect;
    this.binding = binding;
    this.sharedBuffer = sharedBuffer;
    this.rests = new BufferPool(sharedBuffer.length, spareRestsMax);
    this.spareWrite = newWriteRequest(binding);
  }
}

function newWriteRequest(binding: TcpBinding): WriteRequest {
  const request = binding.createWriteRequest();
  request.oncomplete = onWriteComplete;
  request.buffer = null;
  request.rest = null;
  request.crossoverSocket = null;
  return request;
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const socket = this.crossoverSocket as RawSocket;
  const { rest } = this;
  this.buffer = null;
  this.rest = null;
  socket.writeCompleted(status, rest);
}

function onRead(this: TcpHandle): void {
  (this.crossoverSocket as RawSocket).readCompleted();
}

function onShutdown(this: ShutdownRequest): void {}

/** What getpeername fills in, one for all: it is read at once. */
const peerName = { address: '', family: '', port: 0 };

/** Closes with RST, or as the system lets us. */
export function resetHandle(handle: TcpHandle): void {
  if (handle.reset() !== 0) handle.close();
}

/** On a handle whose writes are not delayed (TCP_NODELAY). */
export class RawSocket implements Socket {
  owner: SocketOwner;
  isOpen: boolean;
  readonly #handle: TcpHandle;
  readonly #environment: RawSocketEnvironment;
  #isReading: boolean;
  #pendingWrites: number;
  /** File descriptor, -1 until it was asked for: a connecting handle has none. */
  #descriptor: number;
  #shutdownWanted: boolean;
  #remoteAddress: string | null;

  constructor(handle: TcpHandle, environment: RawSocketEnvironment, owner: SocketOwner) {
    this.owner = owner;
    this.isOpen = true;
    this.#handle = handle;
    this.#environment = environment;
    this.#isReading = false;
    this.#pendingWrites = 0;
    this.#descriptor = -1;
    this.#shutdownWanted = false;
    this.#remoteAddress = null;
    handle.crossoverSocket = this;
    handle.onread = onRead;
    handle.useUserBuffer(environment.sharedBuffer);
  }

  get remoteAddress(): string {
    if (this.#remoteAddress === null) {
      this.#remoteAddress = this.#handle.getpeername(peerName) === 0 ? peerName.address : '';
    }
    return this.#remoteAddress;
  }

  get hasPendingWrites(): boolean {
    return this.#pendingWrites > 0;
  }

  get pendingBytes(): number {
    return this.#handle.writeQueueSize;
  }

  readCompleted(): void {
    if (!this.isOpen) return;
    const { state, bytesOrErrorIndex } = this.#environment.binding;
    const length = state[bytesOrErrorIndex] as number;
    // A mistake of ours while handling one connection must not take the worker's other connections down.
    try {
      this.#deliver(length);
    } catch (error) {
      this.#environment.onDefect(error);
      this.#fail(connectionAborted);
    }
  }

  #deliver(length: number): void {
    if (length > 0) this.owner.onBytes(this.#environment.sharedBuffer, length);
    else if (length === endOfFile) {
      this.pause();
      this.owner.onEnd();
    } else if (length < 0) this.#fail(length);
  }

  write(bytes: Uint8Array, from: number, to: number): boolean {
    return this.#write(bytes, from, to, null);
  }

  /** `rest`: the pooled buffer that the bytes are in, to be given back when they have left it. */
  #write(bytes: Uint8Array, from: number, to: number, rest: Buffer | null): boolean {
    if (!this.isOpen) return true;
    const { binding, rests } = this.#environment;
    const request = this.#environment.spareWrite;
    const piece = from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
    const error = this.#handle.writeBuffer(request, piece);
    if (error !== 0) queueMicrotask(() => this.#fail(error));
    if (error !== 0 || binding.state[binding.lastWriteWasAsyncIndex] === 0) {
      if (rest !== null) rests.give(rest);
      return true;
    }
    request.buffer = piece;
    request.rest = rest;
    request.crossoverSocket = this;
    this.#environment.spareWrite = newWriteRequest(binding);
    this.#pendingWrites++;
    return false;
  }

  writeShared(bytes: Buffer, from: number, to: number): boolean {
    if (!this.isOpen) return true;
    const sent = this.#pendingWrites === 0 ? this.#writeNow(bytes, from, to) : 0;
    if (sent === to - from) return true;
    const { rests } = this.#environment;
    const length = to - from - sent;
    const rest = length <= rests.bytes ? rests.take() : Buffer.allocUnsafeSlow(length);
    bytes.copy(rest, 0, from + sent, to);
    return this.#write(rest, 0, length, rest);
  }

  /**
   * One write(2) past libuv, which could not leave the rest to us. Returns the bytes that the kernel took.
   */
  #writeNow(bytes: Buffer, from: number, to: number): number {
    if (this.#descriptor < 0) this.#descriptor = this.#handle.fd;
    try {
      return writeSync(this.#descriptor, bytes, from, to - from);
    } catch {
      // EAGAIN: the socket's buffer is full. Any other error comes again from the write that follows, and is
      // handled there.
      return 0;
    }
  }

  /**
   * `rest`: the pooled buffer that was written from; the write was its last user, whatever became of the
   * socket.
   */
  writeCompleted(status: number, rest: Buffer | null): void {
    if (rest !== null) this.#environment.rests.give(rest);
    this.#pendingWrites--;
    if (!this.isOpen) return;
    if (status < 0) {
      this.#fail(status);
      return;
    }
    if (this.#pendingWrites > 0) return;
    try {
      this.owner.onDrained();
    } catch (error) {
      this.#environment.onDefect(error);
      this.#fail(connectionAborted);
    }
    if (this.#shutdownWanted && this.isOpen && this.#pendingWrites === 0) this.#shutdownNow();
  }

  pause(): void {
    if (!this.#isReading || !this.isOpen) return;
    this.#isReading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#isReading || !this.isOpen) return;
    this.#isReading = true;
    const error = this.#handle.readStart();
    if (error !== 0) queueMicrotask(() => this.#fail(error));
  }

  shutdown(): void {
    if (!this.isOpen) return;
    this.#shutdownWanted = true;
    if (this.#pendingWrites === 0) this.#shutdownNow();
  }

  #shutdownNow(): void {
    this.#shutdownWanted = false;
    const request = this.#environment.binding.createShutdownRequest();
    request.oncomplete = onShutdown;
    this.#handle.shutdown(request);
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.#closed();
    this.#handle.close();
  }

  reset(): void {
    if (!this.isOpen) return;
    this.#closed();
    resetHandle(this.#handle);
  }

  #closed(): void {
    this.isOpen = false;
    this.#isReading = false;
  }

  /** The connection that was asked for is there, or not. */
  connectCompleted(status: number, owner: { onConnected(): void }): void {
    if (!this.isOpen) return;
    if (status !== 0) {
      this.#fail(status);
      return;
    }
    this.resume();
    try {
      owner.onConnected();
    } catch (error) {
      this.#environment.onDefect(error);
      this.#fail(connectionAborted);
    }
  }

  #fail(error: number): void {
    if (!this.isOpen) return;
    this.destroy();
    try {
      this.owner.onFailed(getSystemErrorName(error));
    } catch (defect) {
      this.#environment.onDefect(defect);
    }
  }
}

/**
 * Opens a connection; the owner's `onConnected` or `onFailed` follows on a later turn. `address` is an IP
 * address.
 */
export function connectRaw(
  environment: RawSocketEnvironment,
  address: string,
  port: number,
  owner: ConnectingOwner,
): RawSocket {
  const { binding } = environment;
  const handle = binding.createHandle();
  handle.setNoDelay(true);
  const socket = new RawSocket(handle, environment, owner);
  const request: ConnectRequest = binding.createConnectRequest();
  request.crossoverSocket = socket;
  request.oncomplete = (status) => socket.connectCompleted(status, owner);
  const error = address.includes(':')
    ? handle.connect6(request, address, port)
    : handle.connect(request, address, port);
  if (error !== 0) queueMicrotask(() => socket.connectCompleted(error, owner));
  return socket;
}
