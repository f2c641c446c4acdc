// One connection to a node: connecting, idle, or carrying one exchange. It passes what happens on to its
// exchange.

import { deadlineCode } from '#src/core/telemetry/failure-cause.ts';
import { shortResource } from '#src/core/telemetry/own-shortage.ts';
import { Timed, type TimerWheel } from '#src/data-plane/base/timer-wheel.ts';
import { countShortage } from '#src/data-plane/counting/failure-counters.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { ConnectingOwner, Socket } from '../transport/socket.ts';
import type { PooledConnection, UpstreamUser } from './pooled-connection.ts';
import type { UpstreamNode } from './upstream-node.ts';

/** What connections need of their worker. */
export interface UpstreamEnvironment {
  readonly slab: Float64Array;
  readonly wheel: TimerWheel;
  readonly config: { readonly timeouts: { readonly connectMs: number; readonly upstreamIdleMs: number } };
  /** Begins to connect to the node's address; the owner hears of it on a later turn of the event loop. */
  connectUpstream(node: UpstreamNode, owner: ConnectingOwner): Socket;
  /** Has others give up their connection to the node, for one more; false when nobody does. */
  makeRoom(node: UpstreamNode): boolean;
}

export class UpstreamConnection extends Timed implements ConnectingOwner, PooledConnection {
  readonly node: UpstreamNode;
  readonly socket: Socket;
  user: UpstreamUser | null;
  isConnected: boolean;
  useCount: number;
  readonly #environment: UpstreamEnvironment;
  #isClosed: boolean;
  #isIdle: boolean;

  /** `user` null: whoever waits for the node longest when the connection is there gets it. */
  constructor(environment: UpstreamEnvironment, node: UpstreamNode, user: UpstreamUser | null) {
    super();
    this.node = node;
    this.user = user;
    this.isConnected = false;
    this.useCount = 0;
    this.#environment = environment;
    this.#isClosed = false;
    this.#isIdle = false;
    node.pool.opened();
    increment(environment.slab, WORKER.upstreamOpenX + node.arm);
    this.socket = environment.connectUpstream(node, this);
    environment.wheel.set(this, environment.config.timeouts.connectMs);
  }

  onConnected(): void {
    this.isConnected = true;
    this.node.connected();
    this.#environment.wheel.clear(this);
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
    const resource = shortResource(code);
    if (resource !== null)
      countShortage(this.#environment.slab, this.isConnected ? 'transfer' : 'connect', resource);
    if (user !== null) user.onUpstreamFailed(code, this.isConnected);
    else if (!this.isConnected) this.node.pool.connectFailed(code);
  }

  onDeadline(): void {
    if (this.user !== null) {
      this.user.onUpstreamDeadline(this.isConnected);
      return;
    }
    this.close();
    if (!this.isConnected) this.node.pool.connectFailed(deadlineCode);
  }

  destroy(): void {
    this.onFailed('ECONNABORTED');
  }

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
    increment(this.#environment.slab, WORKER.upstreamIdleX + this.node.arm);
    this.#environment.wheel.set(this, this.#environment.config.timeouts.upstreamIdleMs);
  }

  reuse(user: UpstreamUser): void {
    this.user = user;
    this.#leaveIdle();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { slab, wheel } = this.#environment;
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
    add(this.#environment.slab, WORKER.upstreamIdleX + this.node.arm, -1);
  }

  surrender(): Socket {
    this.#isClosed = true;
    this.user = null;
    const { slab, wheel } = this.#environment;
    add(slab, WORKER.upstreamOpenX + this.node.arm, -1);
    wheel.remove(this);
    this.node.pool.closed();
    return this.socket;
  }
}
