// A connection to a node as its pool and the exchange that leases it see it, and what it tells that exchange.
import type { Timed } from '#src/data-plane/base/timer-wheel.ts';
import type { Socket } from '../transport/socket.ts';

/** What a connection reports to the exchange that uses it. */
export interface UpstreamUser {
  onUpstreamConnected(): void;
  onUpstreamBytes(bytes: Buffer, length: number): void;
  onUpstreamEnd(): void;
  onUpstreamDrained(): void;
  /** The connection is gone; `connected` tells whether it ever was there. */
  onUpstreamFailed(code: string, connected: boolean): void;
  onUpstreamDeadline(connected: boolean): void;
}

export interface PooledConnection extends Timed {
  readonly socket: Socket;
  user: UpstreamUser | null;
  /** Requests that were sent on it before the present one. */
  readonly useCount: number;
  /** Out of the idle stack, for `user`. */
  reuse(user: UpstreamUser): void;
  /** Ready for the next exchange. */
  release(): void;
  close(): void;
  /** Hands the socket to a tunnel; this connection is finished. */
  surrender(): Socket;
}
