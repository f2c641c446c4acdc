// A worker's connections to one node: those that are idle, those under way, and the requests that wait for one. A connect
// belongs to the node and not to the request that caused it: whichever connection is there first, new or given back, goes
// to whoever waits longest, so that a node that is slow to accept holds nobody up while others' connections come free.
import { assert } from '#src/base/assert.ts';
import { IntrusiveList, type ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { connectsPerNodeMax, idleUpstreamPerNodeMax, upstreamPerNodeMax } from '#src/limits.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** A request that waits for a connection. Each wait ends with one of these calls, or with `stopWaiting`. */
export interface Waiter {
  readonly waiterLink: ListLink<Waiter>;
  /** This connection is the waiter's now. */
  useConnection(connection: PooledConnection): void;
  /** A connect failed, and this waiter is the one to be told. */
  connectFailed(timedOut: boolean): void;
  /** The node takes no more requests: wait for another. */
  redispatch(): void;
}

export class ConnectionPool {
  /** All that are open or under way, whoever uses them. */
  openCount: number;
  /** Connects under way that no request has for itself. */
  connectingCount: number;
  /** No connection is kept or handed on: the node takes no further requests. */
  isClosing: boolean;
  /** The one used last comes first: the others get old and are closed. */
  readonly #idle: PooledConnection[];
  /** The one that has waited longest comes first. */
  readonly #waiting: IntrusiveList<Waiter>;
  readonly #connect: () => void;

  /** connect: begins a connection, and reports `opened`, then `connected` or `connectFailed` on a later turn, then `closed`. */
  constructor(connect: () => void) {
    this.openCount = 0;
    this.connectingCount = 0;
    this.isClosing = false;
    this.#idle = [];
    this.#waiting = new IntrusiveList();
    this.#connect = connect;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.openCount >= upstreamPerNodeMax;
  }

  takeIdle(): PooledConnection | undefined {
    return this.#idle.pop();
  }

  /** Keeps a connection for the next request; false when there is no room for it. */
  keepIdle(connection: PooledConnection): boolean {
    if (this.isClosing || this.#idle.length >= idleUpstreamPerNodeMax) return false;
    this.#idle.push(connection);
    return true;
  }

  removeIdle(connection: PooledConnection): void {
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  // ---- waiters ----

  wait(waiter: Waiter): void {
    assert(!this.isClosing, 'nobody waits for a node that takes no further requests');
    this.#waiting.add(waiter.waiterLink);
    this.#connectMore();
  }

  /** Ends the wait of `waiter`, if it waits. */
  stopWaiting({ waiterLink }: Waiter): void {
    if (waiterLink.list !== null) this.#waiting.remove(waiterLink);
  }

  /** Gives a free connection to the waiter that has waited longest; false when there is none. */
  serveWaiting(connection: PooledConnection): boolean {
    const waiter = this.isClosing ? null : this.#waiting.removeFirst();
    waiter?.useConnection(connection);
    return waiter !== null;
  }

  /** Sends waiters to other nodes, the newest first, until `keptCount` are left. */
  redispatchWaiting(keptCount = 0): void {
    for (let leaving = this.waitingCount - keptCount; leaving > 0; leaving--)
      this.#waiting.removeLast()?.redispatch();
  }

  // ---- what becomes of connections ----

  /** Begins one connect for each waiter, within the limits. */
  #connectMore(): void {
    const wanted = Math.min(this.waitingCount, connectsPerNodeMax);
    while (this.connectingCount < wanted && !this.isFull) {
      this.connectingCount++;
      this.#connect();
    }
  }

  opened(): void {
    this.openCount++;
  }

  closed(): void {
    this.openCount--;
    this.#connectMore();
  }

  connected(): void {
    this.connectingCount--;
  }

  /**
   * A connect failed, and its connection is closed. The waiter that has waited longest is told. If no connection is in use
   * that could be given back, only as many go on waiting as connects are under way.
   */
  connectFailed(timedOut: boolean): void {
    this.connectingCount--;
    const noneComesFree = this.openCount <= this.connectingCount;
    this.#waiting.removeFirst()?.connectFailed(timedOut);
    if (noneComesFree) this.redispatchWaiting(this.connectingCount);
    this.#connectMore();
  }
}
