// One exchange's hold on a connection to a node: an idle one, a new one, or one that another exchange gives back; given back
// or closed afterwards. It keeps the counts of connects under way and of requests on the node right, whichever way it ends.
import { pendingPerClusterMax, upstreamPerNodeMax } from '#src/limits.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { Socket } from '../transport/socket.ts';
import type { WorkerRuntime } from '../worker-runtime.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';
import type { UpstreamNode, Waiter } from './upstream-node.ts';

export const LeaseResult = {
  /** The connection is there. */
  ready: 0,
  /** The user hears of it: onUpstreamConnected, onUpstreamFailed, onUpstreamDeadline or onTurnedAway. */
  pending: 1,
  /** The node has as many connections, or its cluster as many requests that wait for one, as the limits allow. */
  exhausted: 2,
} as const;
export type LeaseResult = (typeof LeaseResult)[keyof typeof LeaseResult];

export class UpstreamLease implements Waiter {
  connection: UpstreamConnection | null;
  readonly #runtime: WorkerRuntime;
  readonly #user: UpstreamUser;
  /** The node a connection to which is waited for, counted as pending; null when none is. */
  #pendingOn: UpstreamNode | null;
  #isConnecting: boolean;

  constructor(runtime: WorkerRuntime, user: UpstreamUser) {
    this.connection = null;
    this.#runtime = runtime;
    this.#user = user;
    this.#pendingOn = null;
    this.#isConnecting = false;
  }

  /** Takes a connection to `node`; `fresh`: not one that served before. */
  take(node: UpstreamNode, fresh: boolean): LeaseResult {
    const idle = fresh ? undefined : node.idle.pop();
    if (idle !== undefined) {
      this.connection = idle;
      idle.reuse(this.#user);
      node.requestStarted();
      return LeaseResult.ready;
    }
    const { slab } = this.#runtime;
    const pendingAt = WORKER.pendingX + node.arm;
    const pending = slab[pendingAt] as number;
    if (pending >= pendingPerClusterMax || node.openCount >= upstreamPerNodeMax) return LeaseResult.exhausted;
    add(slab, pendingAt, 1);
    this.#pendingOn = node;
    node.requestStarted();
    if (fresh || node.mayConnect) this.connect();
    else node.waiting.push(this);
    return LeaseResult.pending;
  }

  /** Makes a connection to the node that is waited for. */
  connect(): void {
    const node = this.#pendingOn;
    if (node === null) return;
    this.#isConnecting = true;
    node.connecting++;
    this.connection = new UpstreamConnection(this.#runtime, node, this.#user);
  }

  /** Another exchange gave this connection back before one was made. */
  useConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    connection.user = this.#user;
    this.#user.onUpstreamConnected();
  }

  turnedAway(): void {
    const node = this.#pendingOn;
    if (node !== null) this.#user.onTurnedAway(node);
  }

  /** The wait for a connection came to an end. */
  pendingEnded(): void {
    const node = this.#pendingOn;
    if (node === null) return;
    this.#pendingOn = null;
    add(this.#runtime.slab, WORKER.pendingX + node.arm, -1);
    if (!this.#isConnecting) return;
    this.#isConnecting = false;
    node.connecting--;
    node.admitWaiting();
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
    const node = this.#pendingOn;
    if (node !== null && this.connection === null) {
      node.stopWaiting(this);
      node.requestEnded();
    }
    this.pendingEnded();
    this.giveBack(false);
  }

  /** Ends the hold and hands the socket to a tunnel. */
  surrender(connection: UpstreamConnection): Socket {
    this.connection = null;
    connection.node.requestEnded();
    return connection.surrender();
  }
}
