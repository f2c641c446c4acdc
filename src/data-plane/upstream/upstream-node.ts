// One node of a cluster as this worker sees it: load, idle connections, failures in a row, ejection, slow start.
import {
  connectsPerNodeMax,
  ejectionBaseMs,
  ejectionFailuresInARow,
  ejectionMsMax,
  idleUpstreamPerNodeMax,
  upstreamPerNodeMax,
} from '#src/limits.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { type Arm, NODE, nodeOffset, WORKER } from '#src/shared-memory/layout.ts';
import type { NodeAssignment } from '#src/shared-memory/messages.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Somebody who waits for a connection to a node. */
export interface Waiter {
  /** There is room for one more connect: it is this one's. */
  connect(): void;
  /** A connection that served another request is this one's now. */
  useConnection(connection: UpstreamConnection): void;
  /** The node is not to be waited for any longer. */
  turnedAway(): void;
}

export class UpstreamNode {
  readonly arm: Arm;
  readonly slot: number;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** IP address that connections go to; null until the name was resolved. */
  address: string | null;
  isDraining: boolean;
  isHealthy: boolean;
  /** Monotonic ms since which the node takes a rising share; 0 when it takes its full share. */
  slowStartSinceMs: number;
  inFlight: number;
  openCount: number;
  /** Connects under way. */
  connecting: number;
  /** In the order of their arrival. */
  readonly waiting: Waiter[];
  failuresInARow: number;
  ejectedUntilMs: number;
  ejectionCount: number;
  readonly idle: UpstreamConnection[];
  readonly #slab: Float64Array;
  readonly #at: number;

  constructor(slab: Float64Array, arm: Arm, assignment: NodeAssignment) {
    this.arm = arm;
    this.slot = assignment.slot;
    this.id = assignment.id;
    this.host = assignment.host;
    this.port = assignment.port;
    this.address = null;
    this.isDraining = assignment.draining;
    this.isHealthy = true;
    this.slowStartSinceMs = 0;
    this.inFlight = 0;
    this.openCount = 0;
    this.connecting = 0;
    this.waiting = [];
    this.failuresInARow = 0;
    this.ejectedUntilMs = 0;
    this.ejectionCount = 0;
    this.idle = [];
    this.#slab = slab;
    this.#at = nodeOffset(arm, assignment.slot);
    slab[this.#at + NODE.inFlight] = 0;
    slab[this.#at + NODE.ejected] = 0;
  }

  /** The slot had another node before: its counters start afresh. */
  forgetPredecessor(): void {
    this.#slab.fill(0, this.#at, this.#at + NODE.size);
  }

  requestStarted(): void {
    this.inFlight++;
    const at = this.#at;
    increment(this.#slab, at + NODE.requests);
    this.#slab[at + NODE.inFlight] = this.inFlight;
    increment(this.#slab, WORKER.inFlightX + this.arm);
  }

  requestEnded(): void {
    this.inFlight--;
    this.#slab[this.#at + NODE.inFlight] = this.inFlight;
    add(this.#slab, WORKER.inFlightX + this.arm, -1);
  }

  connected(): void {
    increment(this.#slab, this.#at + NODE.connects);
  }

  succeeded(): void {
    this.failuresInARow = 0;
  }

  /** Counts a failure; true when there were enough in a row that the node should be ejected. */
  failed(): boolean {
    add(this.#slab, this.#at + NODE.failures, 1);
    return ++this.failuresInARow >= ejectionFailuresInARow;
  }

  eject(nowMs: number): void {
    const forMs = Math.min(ejectionBaseMs * 2 ** this.ejectionCount, ejectionMsMax);
    this.ejectionCount++;
    this.ejectedUntilMs = nowMs + forMs;
    this.failuresInARow = 0;
    this.#slab[this.#at + NODE.ejected] = 1;
    increment(this.#slab, this.#at + NODE.ejections);
  }

  readmit(nowMs: number): void {
    this.ejectedUntilMs = 0;
    this.slowStartSinceMs = nowMs;
    this.#slab[this.#at + NODE.ejected] = 0;
  }

  keepIdle(connection: UpstreamConnection): boolean {
    if (this.isDraining || this.idle.length >= idleUpstreamPerNodeMax) return false;
    this.idle.push(connection);
    return true;
  }

  removeIdle(connection: UpstreamConnection): void {
    const at = this.idle.lastIndexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  /** The node is to take no further requests: closes what is idle, and turns those away who wait. */
  closeIdle(): void {
    for (const connection of this.idle.splice(0)) connection.close();
    this.turnAway();
  }

  get mayConnect(): boolean {
    return this.connecting < connectsPerNodeMax && this.openCount < upstreamPerNodeMax;
  }

  /** Those who wait make connections, as far as there is room for more. */
  admitWaiting(): void {
    while (this.waiting.length > 0 && this.mayConnect) this.waiting.shift()?.connect();
  }

  /** Hands a connection that is free again to who waits longest; false when nobody does. */
  serveWaiting(connection: UpstreamConnection): boolean {
    const waiter = this.isDraining ? undefined : this.waiting.shift();
    waiter?.useConnection(connection);
    return waiter !== undefined;
  }

  stopWaiting(waiter: Waiter): void {
    const at = this.waiting.indexOf(waiter);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  /** A connect, still counted, came to nothing: who waits goes elsewhere, unless connections are in use that will come free. */
  connectFailed(): void {
    if (this.openCount <= this.connecting) this.turnAway();
  }

  /** Nobody is to wait for this node any longer. */
  turnAway(): void {
    for (const waiter of this.waiting.splice(0)) waiter.turnedAway();
  }
}
