// A worker's connections to one node: those that are idle, those under way, and the requests that wait for
// one. A connect belongs to the node and not to the request that caused it: whichever connection is there
// first, new or given back, goes to whoever waits longest, so that a node that is slow to accept holds nobody
// up while others' connections come free.
import { assert } from '#src/base/assert.ts';
import { shortResource } from '#src/core/telemetry/own-shortage.ts';
import { IntrusiveList, type ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { connectsPerNodeMax, idleUpstreamPerNodeMax } from '#src/limits.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** A request that waits for a connection. Each wait ends with one of these calls, or with `stopWaiting`. */
export interface Waiter {
  readonly waiterLink: ListLink<Waiter>;
  /** This connection is the waiter's now. */
  useConnection(connection: PooledConnection): void;
  /** A connect failed with this code (a system error or a deadline), and this waiter gets none instead. */
  connectFailed(code: string): void;
  /**
   * The node is not to be waited for any longer: for the code that a connect failed with, or null where it
   * takes no requests.
   */
  redispatch(code: string | null): void;
  /** A resource of ours is short. The wait goes on, and says nothing about the node. */
  heldUp(): void;
}

export class ConnectionPool {
  /** All that are open or under way, whoever uses them. */
  openCount: number;
  /** Connects under way that no request has for itself. */
  connectingCount: number;
  /** Our limit for `openCount`. */
  openMax: number;
  /** No connection is kept or handed on: the node takes no further requests. */
  isClosing: boolean;
  /** The last connect failed for a resource of ours that was short: none is begun until `endShortage`. */
  isShort: boolean;
  /** The one used last comes first: the others get old and are closed. */
  readonly #idle: PooledConnection[];
  /** The one that has waited longest comes first. */
  readonly #waiting: IntrusiveList<Waiter>;
  readonly #connect: () => void;

  /**
   * connect: begins a connection, and reports `opened`, then `connected` or `connectFailed` on a later turn,
   * then `closed`.
   */
  constructor(connect: () => void) {
    this.openCount = 0;
    this.openMax = Number.POSITIVE_INFINITY;
    this.connectingCount = 0;
    this.isClosing = false;
    this.isShort = false;
    this.#idle = [];
    this.#waiting = new IntrusiveList();
    this.#connect = connect;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.openCount >= this.openMax;
  }

  /** Another request would get a connection: a new one, or one under way that nobody waits for any more. */
  get hasRoom(): boolean {
    return !this.isFull || this.connectingCount > this.waitingCount;
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
    if (this.isShort) waiter.heldUp();
    else this.#connectMore();
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

  /**
   * Sends waiters to other nodes, the newest first, until `keptCount` are left; `code`: of the connect that
   * failed, or null.
   */
  redispatchWaiting(code: string | null, keptCount = 0): void {
    for (let leaving = this.waitingCount - keptCount; leaving > 0; leaving--) {
      this.#waiting.removeLast()?.redispatch(code);
    }
  }

  // ---- what becomes of connections ----

  /** Begins one connect for each waiter, within the limits. */
  #connectMore(): void {
    if (this.isShort) return;
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
   * A connect failed, and its connection is closed. The waiter that has waited longest is told. If no
   * connection is in use that could be given back, only as many go on waiting as connects are under way.
   */
  connectFailed(code: string): void {
    this.connectingCount--;
    const noneComesFree = this.openCount <= this.connectingCount;
    if (shortResource(code) !== null) {
      this.#runShort(code, noneComesFree);
      return;
    }
    this.#waiting.removeFirst()?.connectFailed(code);
    if (noneComesFree) this.redispatchWaiting(code, this.connectingCount);
    this.#connectMore();
  }

  /**
   * There is no descriptor, port or memory for another connection. A waiter that can still get one of the
   * open connections waits for it; a further connect would fail as well, so the next one is left to a later
   * time.
   */
  #runShort(code: string, noneComesFree: boolean): void {
    this.isShort = true;
    if (noneComesFree) this.#failWaiting(code, this.connectingCount);
    for (let link = this.#waiting.first; link !== null; link = link.next) link.member.heldUp();
  }

  /** Tells the newest waiters, until `keptCount` are left, that there is no connection for them. */
  #failWaiting(code: string, keptCount: number): void {
    for (let leaving = this.waitingCount - keptCount; leaving > 0; leaving--) {
      this.#waiting.removeLast()?.connectFailed(code);
    }
  }

  /** Connects may be tried again; call it from time to time. */
  endShortage(): void {
    if (!this.isShort) return;
    this.isShort = false;
    this.#connectMore();
  }
}
