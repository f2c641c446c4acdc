// One node of a cluster as this worker sees it: load, connections, failures in a row, ejection, slow start.
import { ejectionBaseMs, ejectionFailuresInARow, ejectionMsMax } from '#src/limits.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { type Arm, causesEnd, causesOffset, NODE, nodeOffset, WORKER } from '#src/shared-memory/layout.ts';
import type { NodeAssignment } from '#src/shared-memory/messages.ts';
import { ConnectionPool } from './connection-pool.ts';

export class UpstreamNode {
  readonly arm: Arm;
  readonly slot: number;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** IP address that connections go to; null until the name was resolved. */
  address: string | null;
  isHealthy: boolean;
  /** Monotonic ms since which the node takes a rising share; 0 when it takes its full share. */
  slowStartSinceMs: number;
  inFlight: number;
  failuresInARow: number;
  ejectedUntilMs: number;
  ejectionCount: number;
  readonly pool: ConnectionPool;
  readonly #slab: Float64Array;
  readonly #at: number;

  /** connect: begins a connection for the node's pool. */
  constructor(
    slab: Float64Array,
    arm: Arm,
    assignment: NodeAssignment,
    connect: (node: UpstreamNode) => void,
  ) {
    this.arm = arm;
    this.slot = assignment.slot;
    this.id = assignment.id;
    this.host = assignment.host;
    this.port = assignment.port;
    this.address = null;
    this.isHealthy = true;
    this.slowStartSinceMs = 0;
    this.inFlight = 0;
    this.failuresInARow = 0;
    this.ejectedUntilMs = 0;
    this.ejectionCount = 0;
    this.pool = new ConnectionPool(() => connect(this));
    this.#slab = slab;
    this.#at = nodeOffset(arm, assignment.slot);
    slab[this.#at + NODE.inFlight] = 0;
    slab[this.#at + NODE.ejected] = 0;
  }

  /** The slot had another node before: its counters start afresh. */
  forgetPredecessor(): void {
    this.#slab.fill(0, this.#at, this.#at + NODE.size);
    this.#slab.fill(0, causesOffset(this.arm, this.slot), causesEnd(this.arm, this.slot));
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

  /** The node takes no new requests. Whoever sets it calls `emptyPool` once another node can be chosen. */
  get isDraining(): boolean {
    return this.pool.isClosing;
  }

  set isDraining(isDraining: boolean) {
    this.pool.isClosing = isDraining;
  }

  /** Closes what is idle, and sends requests that wait to other nodes. */
  emptyPool(): void {
    this.pool.closeIdle();
    this.pool.redispatchWaiting(null);
  }
}
