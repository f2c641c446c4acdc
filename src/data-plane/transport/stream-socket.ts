// A socket on net.Socket: the fallback where the raw TCP binding is not usable. Copies what it sends and
// reads into fresh buffers, so it is slower, but it rests on public API alone.
import type { Socket as NetSocket } from 'node:net';
import { connect } from 'node:net';
import type { ConnectingOwner, Socket, SocketOwner } from './socket.ts';

export class StreamSocket implements Socket {
  owner: SocketOwner;
  isOpen: boolean;
  hasPendingWrites: boolean;
  readonly remoteAddress: string;
  readonly #socket: NetSocket;

  constructor(socket: NetSocket, owner: SocketOwner) {
    this.owner = owner;
    this.isOpen = true;
    this.hasPendingWrites = false;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.pause();
    socket.on('data', (bytes: Buffer) => {
      if (this.isOpen) this.owner.onBytes(bytes, bytes.length);
    });
    socket.on('end', () => {
      if (this.isOpen) this.owner.onEnd();
    });
    socket.on('drain', () => {
      this.hasPendingWrites = false;
      if (this.isOpen) this.owner.onDrained();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? 'UNKNOWN'));
    socket.on('close', () => this.#fail('ECONNRESET'));
  }

  write(bytes: Uint8Array, from: number, to: number): boolean {
    if (!this.isOpen) return true;
    if (this.#socket.write(Buffer.copyBytesFrom(bytes, from, to - from))) return true;
    this.hasPendingWrites = true;
    return false;
  }

  writeShared(bytes: Buffer, from: number, to: number): boolean {
    return this.write(bytes, from, to);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    if (this.isOpen) this.#socket.pause();
  }

  resume(): void {
    if (this.isOpen) this.#socket.resume();
  }

  shutdown(): void {
    if (this.isOpen) this.#socket.end();
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#socket.destroy();
  }

  reset(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#socket.resetAndDestroy();
  }

  #fail(code: string): void {
    if (!this.isOpen) return;
    this.destroy();
    this.owner.onFailed(code);
  }
}

/** Opens a connection; the owner's `onConnected` or `onFailed` follows on a later turn. */
export function connectStream(address: string, port: number, owner: ConnectingOwner): StreamSocket {
  const netSocket = connect({ host: address, port, allowHalfOpen: true });
  const socket = new StreamSocket(netSocket, owner);
  netSocket.once('connect', () => {
    if (!socket.isOpen) return;
    socket.resume();
    owner.onConnected();
  });
  return socket;
}
