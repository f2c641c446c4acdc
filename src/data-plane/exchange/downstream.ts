// What an exchange needs of the connection its request came on. HTTP/1.1 has one exchange at a time on a connection; a
// multiplexed protocol would give each stream an object like this.
import type { Socket } from '#src/data-plane/transport/socket.ts';

export interface Downstream {
  /** Sends response bytes; false when part of it waits and `bytes` must not change until the exchange's onClientDrained. */
  writeResponse(bytes: Uint8Array, from: number, to: number): boolean;
  /** As writeResponse, for bytes of a read buffer, which is free again in either case. */
  relayResponse(bytes: Buffer, from: number, to: number): boolean;
  readonly hasPendingWrites: boolean;
  /** Stop and go on reading the request body. */
  pauseRequest(): void;
  resumeRequest(): void;
  /**
   * The exchange is over and its answer complete.
   * @param keepAlive another request may follow
   * @param clientCloses the client said that this was its last request, so nothing of it can be under way
   */
  exchangeDone(keepAlive: boolean, clientCloses: boolean): void;
  /** The answer can't be completed: the client must see that it is cut. `reset` where a plain close would look complete. */
  responseCut(reset: boolean): void;
  /** Both sides agreed to switch protocols: from here on bytes are bytes. `rest` came right after the upstream's head. */
  becomeTunnel(upstream: Socket, rest: Buffer): void;
}
