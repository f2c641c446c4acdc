// One exchange's hold on a connection to a node: an idle one, a new one, or one that another exchange gives
// back; given back or closed afterwards. It keeps the counts of requests that wait and of those on the node
// right, whichever way it ends.
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { countShortage } from '#src/data-plane/counting/failure-counters.ts';
import { pendingPerClusterMax } from '#src/limits.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { Socket } from '../transport/socket.ts';
import type { Waiter } from './connection-pool.ts';
import type { PooledConnection, UpstreamUser } from './pooled-connection.ts';
import { UpstreamConnection, type UpstreamEnvironment } from './upstream-connection.ts';
import type { UpstreamNode } from './upstream-node.ts';

export const LeaseResult = {
  /** The connection is there. */
  ready: 0,
  /** The user hears of it: onUpstreamConnected, onConnectFailed or onRedispatch. */
  pending: 1,
  /** The node has as many connections as our limit allows. */
  noConnection: 2,
  /** As many requests wait for a connection to the cluster as our limit allows. */
  queueFull: 3,
} as const;
export type LeaseResult = (typeof LeaseResult)[keyof typeof LeaseResult];

/** What the holder of a lease hears beside what its connection reports. */
export interface Leaseholder extends UpstreamUser {
  /** There is no connection to the node: why, as a system error's code or a deadline. */
  onConnectFailed(code: string): void;
  /**
   * The node that was waited for takes no connection, and another may: the code of the connect that failed,
   * if one did.
   */
  onRedispatch(node: UpstreamNode, code: string | null): void;
  /**
   * The wait for a connection goes on because a resource of ours is short: how long it takes says nothing
   * about the node.
   */
  onHeldUp(): void;
}

export class UpstreamLease implements Waiter {
  readonly waiterLink: ListLink<Waiter>;
  connection: PooledConnection | null;
  /** The node of the connection that is held or waited for. */
  node: UpstreamNode | null;
  readonly #environment: UpstreamEnvironment;
  readonly #holder: Leaseholder;
  /** A connection is waited for, and counted as pending. */
  #isPending: boolean;

  constructor(environment: UpstreamEnvironment, holder: Leaseholder) {
    this.waiterLink = new ListLink<Waiter>(this);
    this.connection = null;
    this.node = null;
    this.#environment = environment;
    this.#holder = holder;
    this.#isPending = false;
  }

  /** The connection that is held served another request before. */
  get isReused(): boolean {
    return this.connection !== null && this.connection.useCount > 0;
  }

  /** Takes a connection to `node`; `fresh`: not one that served before. */
  take(node: UpstreamNode, fresh: boolean): LeaseResult {
    const { pool } = node;
    const idle = fresh ? undefined : pool.takeIdle();
    if (idle !== undefined) {
      this.connection = idle;
      this.node = node;
      idle.reuse(this.#holder);
      node.requestStarted();
      return LeaseResult.ready;
    }
    const { slab } = this.#environment;
    const pendingAt = WORKER.pendingX + node.arm;
    const pending = slab[pendingAt] as number;
    if (pending >= pendingPerClusterMax) {
      countShortage(slab, 'connect', 'queue');
      return LeaseResult.queueFull;
    }
    if (!pool.hasRoom && !(this.#environment.makeRoom(node) && pool.hasRoom)) {
      countShortage(slab, 'connect', 'connections');
      return LeaseResult.noConnection;
    }
    add(slab, pendingAt, 1);
    this.node = node;
    this.#isPending = true;
    node.requestStarted();
    if (fresh) this.connection = new UpstreamConnection(this.#environment, node, this.#holder);
    else pool.wait(this);
    return LeaseResult.pending;
  }

  useConnection(connection: PooledConnection): void {
    this.connection = connection;
    connection.user = this.#holder;
    this.#holder.onUpstreamConnected();
  }

  connectFailed(code: string): void {
    this.#holder.onConnectFailed(code);
  }

  redispatch(code: string | null): void {
    const { node } = this;
    if (node !== null) this.#holder.onRedispatch(node, code);
  }

  heldUp(): void {
    this.#holder.onHeldUp();
  }

  /** The wait for a connection came to an end. */
  pendingEnded(): void {
    const { node } = this;
    if (node === null || !this.#isPending) return;
    this.#isPending = false;
    add(this.#environment.slab, WORKER.pendingX + node.arm, -1);
  }

  /** Ends the hold; the connection serves another exchange when it can, else it is closed. */
  giveBack(isReusable: boolean): void {
    const { connection, node } = this;
    if (connection === null || node === null) return;
    this.connection = null;
    this.node = null;
    node.requestEnded();
    if (isReusable) {
      connection.socket.resume();
      connection.release();
    } else connection.close();
  }

  /** Ends the hold on a connection that can't be used again, or never came to be. */
  drop(): void {
    const { node } = this;
    this.pendingEnded();
    if (node !== null && this.connection === null) {
      node.pool.stopWaiting(this);
      node.requestEnded();
      this.node = null;
    }
    this.giveBack(false);
  }

  /** Ends the hold and hands the socket to a tunnel. */
  surrender(connection: PooledConnection): Socket {
    this.connection = null;
    this.node?.requestEnded();
    this.node = null;
    return connection.surrender();
  }
}
