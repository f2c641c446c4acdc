// One connection to a node: connecting, idle, or carrying one exchange. It passes what happens on to its exchange.

import { Timed } from '#src/data-plane/base/timer-wheel.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { Socket, SocketOwner } from '../transport/socket.ts';
import type { WorkerRuntime } from '../worker-runtime.ts';
import type { UpstreamNode } from './upstream-node.ts';

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

export class UpstreamConnection extends Timed implements SocketOwner {
  readonly node: UpstreamNode;
  readonly socket: Socket;
  user: UpstreamUser | null;
  isConnected: boolean;
  /** Requests that were sent on it before the present one. */
  useCount: number;
  readonly #runtime: WorkerRuntime;
  #isClosed: boolean;
  #isIdle: boolean;

  /** `user` null: whoever waits for the node longest when the connection is there gets it. */
  constructor(runtime: WorkerRuntime, node: UpstreamNode, user: UpstreamUser | null) {
    super();
    this.node = node;
    this.user = user;
    this.isConnected = false;
    this.useCount = 0;
    this.#runtime = runtime;
    this.#isClosed = false;
    this.#isIdle = false;
    node.pool.opened();
    increment(runtime.slab, WORKER.upstreamOpenX + node.arm);
    this.socket = runtime.connectUpstream(node, this);
    runtime.wheel.set(this, runtime.config.timeouts.connectMs);
  }

  onConnected(): void {
    this.isConnected = true;
    this.node.connected();
    this.#runtime.wheel.clear(this);
    if (this.user !== null) {
      this.user.onUpstreamConnected();
      return;
    }
    this.node.pool.connected();
    this.#offer();
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.user !== null) this.user.onUpstreamBytes(bytes, length);
    else this.close(); // bytes that nobody asked for
  }

  onEnd(): void {
    if (this.user !== null) this.user.onUpstreamEnd();
    else this.close();
  }

  onDrained(): void {
    this.user?.onUpstreamDrained();
  }

  onFailed(code: string): void {
    const { user } = this;
    this.close();
    if (user !== null) user.onUpstreamFailed(code, this.isConnected);
    else if (!this.isConnected) this.node.pool.connectFailed(false);
  }

  onDeadline(): void {
    if (this.user !== null) {
      this.user.onUpstreamDeadline(this.isConnected);
      return;
    }
    this.close();
    if (!this.isConnected) this.node.pool.connectFailed(true);
  }

  giveUp(): void {
    this.onFailed('ECONNABORTED');
  }

  /** Ready for the next exchange. */
  release(): void {
    this.user = null;
    this.useCount++;
    if (!this.#isClosed) this.#offer();
  }

  /** To who waits for it, else into the idle stack, or closed when there is no room. */
  #offer(): void {
    const { pool } = this.node;
    if (pool.serveWaiting(this)) return;
    if (!pool.keepIdle(this)) {
      this.close();
      return;
    }
    this.#isIdle = true;
    increment(this.#runtime.slab, WORKER.upstreamIdleX + this.node.arm);
    this.#runtime.wheel.set(this, this.#runtime.config.timeouts.upstreamIdleMs);
  }

  /** Out of the idle stack, for `user`. */
  reuse(user: UpstreamUser): void {
    this.user = user;
    this.#leaveIdle();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { slab, wheel } = this.#runtime;
    const { arm } = this.node;
    if (this.#isIdle) {
      this.node.pool.removeIdle(this);
      this.#leaveIdle();
    }
    this.user = null;
    add(slab, WORKER.upstreamOpenX + arm, -1);
    wheel.remove(this);
    this.socket.destroy();
    this.node.pool.closed();
  }

  #leaveIdle(): void {
    this.#isIdle = false;
    add(this.#runtime.slab, WORKER.upstreamIdleX + this.node.arm, -1);
  }

  /** Hands the socket to a tunnel; this connection is finished. */
  surrender(): Socket {
    this.#isClosed = true;
    this.user = null;
    const { slab, wheel } = this.#runtime;
    add(slab, WORKER.upstreamOpenX + this.node.arm, -1);
    wheel.remove(this);
    this.node.pool.closed();
    return this.socket;
  }
}
