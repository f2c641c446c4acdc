// One exchange's hold on a connection to a node: an idle one or a new one, given back or closed afterwards. It keeps the
// counts of connects under way and of requests on the node right, whichever way the hold ends.
import { pendingPerClusterMax, upstreamPerNodeMax } from '#src/limits.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { Socket } from '../transport/socket.ts';
import type { WorkerRuntime } from '../worker-runtime.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';
import type { UpstreamNode } from './upstream-node.ts';

export const LeaseResult = {
  /** The connection is there. */
  ready: 0,
  /** The user hears of it: onUpstreamConnected, onUpstreamFailed or onUpstreamDeadline. */
  connecting: 1,
  /** The node or its cluster has as many connections or connects as the limits allow. */
  exhausted: 2,
} as const;
export type LeaseResult = (typeof LeaseResult)[keyof typeof LeaseResult];

export class UpstreamLease {
  connection: UpstreamConnection | null;
  readonly #runtime: WorkerRuntime;
  readonly #user: UpstreamUser;
  #isConnecting: boolean;
  /** Where the connect under way is counted. */
  #pendingAt: number;

  constructor(runtime: WorkerRuntime, user: UpstreamUser) {
    this.connection = null;
    this.#runtime = runtime;
    this.#user = user;
    this.#isConnecting = false;
    this.#pendingAt = WORKER.pendingX;
  }

  /** Takes a connection to `node`; `fresh`: not one of the idle ones. */
  take(node: UpstreamNode, fresh: boolean): LeaseResult {
    const idle = fresh ? undefined : node.idle.pop();
    if (idle !== undefined) {
      this.connection = idle;
      idle.reuse(this.#user);
      node.requestStarted();
      return LeaseResult.ready;
    }
    const { slab } = this.#runtime;
    this.#pendingAt = WORKER.pendingX + node.arm;
    const pending = slab[this.#pendingAt] as number;
    if (pending >= pendingPerClusterMax || node.openCount >= upstreamPerNodeMax) return LeaseResult.exhausted;
    this.#isConnecting = true;
    add(slab, this.#pendingAt, 1);
    node.requestStarted();
    this.connection = new UpstreamConnection(this.#runtime, node, this.#user);
    return LeaseResult.connecting;
  }

  /** The connect under way came to an end. */
  connectEnded(): void {
    if (!this.#isConnecting) return;
    this.#isConnecting = false;
    add(this.#runtime.slab, this.#pendingAt, -1);
  }

  /** Ends the hold; the connection serves another exchange when it can, else it is closed. */
  giveBack(isReusable: boolean): void {
    const { connection } = this;
    if (connection === null) return;
    this.connection = null;
    connection.node.requestEnded();
    if (isReusable) {
      connection.socket.resume();
      connection.release();
    } else connection.close();
  }

  /** Ends the hold on a connection that can't be used again, or never came to be. */
  drop(): void {
    this.connectEnded();
    this.giveBack(false);
  }

  /** Ends the hold and hands the socket to a tunnel. */
  surrender(connection: UpstreamConnection): Socket {
    this.connection = null;
    connection.node.requestEnded();
    return connection.surrender();
  }
}
