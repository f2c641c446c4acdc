// A byte stream to a client or an upstream, as the exchange sees it. Two implementations: raw-socket (TCP
// handles driven directly, the fast one) and stream-socket (net.Socket, the fallback, and later TLS).

/** Receives what happens on a socket. Calls never nest into each other for one socket. */
export interface SocketOwner {
  /** bytes[0..length) arrived; the buffer is shared and only valid during the call. */
  onBytes(bytes: Buffer, length: number): void;
  /** The peer sent FIN; nothing more will arrive. Writing is still possible. */
  onEnd(): void;
  /** All writes that did not complete at once have reached the kernel. */
  onDrained(): void;
  /**
   * The socket failed (code of the error); it is closed when this is called, and nothing more is called after
   * it.
   */
  onFailed(code: string): void;
}

export interface Socket {
  owner: SocketOwner;
  /** Peer address in text form, '' when unknown. */
  readonly remoteAddress: string;
  readonly isOpen: boolean;
  /**
   * Sends bytes[from..to). True: the kernel has everything and the buffer is free again. False: part of it
   * waits, the buffer must not change until onDrained. Never throws; a failure arrives through onFailed on a
   * later turn.
   */
  write(bytes: Uint8Array, from: number, to: number): boolean;
  /**
   * As write, for bytes of a read buffer: what the kernel does not take at once is copied, so the buffer is
   * free again in either case. False: part of it waits. For large pieces: it costs about 0.7 us more than
   * write and saves the copy.
   */
  writeShared(bytes: Buffer, from: number, to: number): boolean;
  /** Whether some write has not reached the kernel yet. */
  readonly hasPendingWrites: boolean;
  /** Bytes that wait for the kernel: shrinks as the peer takes them. */
  readonly pendingBytes: number;
  pause(): void;
  resume(): void;
  /** Sends FIN once pending writes are done. */
  shutdown(): void;
  /** Closes without waiting; no further calls to the owner. */
  destroy(): void;
  /** Closes with RST, so that the peer can't take what it got for complete. */
  reset(): void;
}

/** Who opens a connection. */
export interface ConnectingOwner extends SocketOwner {
  onConnected(): void;
}
