// The nodes of one cluster and the choice among them: power of two choices by requests in flight, over the
// nodes that are healthy, not ejected and not draining.
import type { Random } from '#src/base/random.ts';
import { ejectedShareMax } from '#src/limits.ts';
import type { Arm } from '#src/shared-memory/layout.ts';
import type { NodeAssignment } from '#src/shared-memory/messages.ts';
import { nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';
import { UpstreamNode } from './upstream-node.ts';

/** A node that starts slowly takes at least this share of what it would take. */
const slowStartFloor = 0.1;

export class Cluster {
  readonly arm: Arm;
  nodes: UpstreamNode[];
  ejectionEnabled: boolean;
  slowStartMs: number;
  /** Connections of this worker to a node. */
  connectionsPerNodeMax: number;
  /** Nodes that take traffic; refreshed when something changes and on every coarse tick. */
  #eligible: UpstreamNode[];
  readonly #slab: Float64Array;
  readonly #health: Int32Array;
  readonly #random: Random;
  readonly #connect: (node: UpstreamNode) => void;
  #isFirstAssignment: boolean;

  /** connect: begins a connection for a node's pool. */
  constructor(
    arm: Arm,
    slab: Float64Array,
    health: Int32Array,
    random: Random,
    connect: (node: UpstreamNode) => void,
  ) {
    this.arm = arm;
    this.nodes = [];
    this.ejectionEnabled = true;
    this.slowStartMs = 0;
    this.connectionsPerNodeMax = Number.POSITIVE_INFINITY;
    this.#eligible = [];
    this.#slab = slab;
    this.#health = health;
    this.#random = random;
    this.#connect = connect;
    this.#isFirstAssignment = true;
  }

  /**
   * Takes over a node list: nodes that stay keep their state, new ones start slowly, gone ones finish what
   * they have.
   */
  assign(assignments: readonly NodeAssignment[], nowMs: number): void {
    const known = new Map(this.nodes.map((node) => [`${node.slot} ${node.id}`, node]));
    this.nodes = assignments.map((assignment) => {
      const key = `${assignment.slot} ${assignment.id}`;
      const node = known.get(key) ?? this.#newNode(assignment, nowMs);
      known.delete(key);
      node.isDraining = assignment.draining;
      node.pool.openMax = this.connectionsPerNodeMax;
      return node;
    });
    for (const gone of known.values()) gone.isDraining = true;
    this.#isFirstAssignment = false;
    this.refresh(nowMs);
    for (const node of [...this.nodes, ...known.values()]) if (node.isDraining) node.emptyPool();
  }

  #newNode(assignment: NodeAssignment, nowMs: number): UpstreamNode {
    const node = new UpstreamNode(this.#slab, this.arm, assignment, this.#connect);
    if (!this.#isFirstAssignment) {
      node.slowStartSinceMs = nowMs;
      node.forgetPredecessor();
    }
    return node;
  }

  /**
   * Re-reads health and ejection times, and lets connects be tried again that a shortage of ours had stopped.
   * Who waits for a node that became unhealthy goes to those that are left.
   */
  refresh(nowMs: number): void {
    const becameUnhealthy: UpstreamNode[] = [];
    for (const node of this.nodes) {
      const isHealthy = this.#health[nodeHealthIndex(this.arm, node.slot)] !== nodeHealth.unhealthy;
      if (isHealthy && !node.isHealthy) node.slowStartSinceMs = nowMs;
      if (!isHealthy && node.isHealthy) becameUnhealthy.push(node);
      node.isHealthy = isHealthy;
      if (node.ejectedUntilMs !== 0 && (node.ejectedUntilMs <= nowMs || !this.ejectionEnabled))
        node.readmit(nowMs);
      if (node.slowStartSinceMs !== 0 && nowMs - node.slowStartSinceMs >= this.slowStartMs)
        node.slowStartSinceMs = 0;
      node.pool.endShortage();
    }
    this.#eligible = this.nodes.filter(
      (node) => node.isHealthy && !node.isDraining && node.ejectedUntilMs === 0,
    );
    // Only now: requests that waited for them choose among the nodes anew.
    for (const node of becameUnhealthy) node.emptyPool();
  }

  get hasEligibleNode(): boolean {
    return this.#eligible.length > 0;
  }

  /**
   * The node for the next request, not `except` if there is another. Null when no node can take traffic; with
   * `panic` then any node that is not draining (all of them down may mean that the checks are wrong).
   */
  pick(except: UpstreamNode | null, panic: boolean, nowMs: number): UpstreamNode | null {
    const candidates = this.#eligible;
    const count = candidates.length;
    if (count === 1 && except === null) return candidates[0] as UpstreamNode;
    if (count === 0) return panic ? this.#pickAny(except) : null;
    if (except !== null) return this.#pickOther(except);
    const first = this.#random.nextUint32() % count;
    const second = (first + 1 + (this.#random.nextUint32() % (count - 1))) % count;
    const a = candidates[first] as UpstreamNode;
    const b = candidates[second] as UpstreamNode;
    return this.#load(a, nowMs) <= this.#load(b, nowMs) ? a : b;
  }

  #load(node: UpstreamNode, nowMs: number): number {
    const load = node.inFlight + 1;
    if (node.slowStartSinceMs === 0) return load;
    // By chance and not by load: at low load every node has nothing in flight, and a starting one must still
    // get some.
    const share = Math.max(slowStartFloor, (nowMs - node.slowStartSinceMs) / this.slowStartMs);
    return this.#random.next() < share ? load : Number.POSITIVE_INFINITY;
  }

  /** Whether a node other than `except` takes traffic. */
  hasOther(except: UpstreamNode): boolean {
    return this.#eligible.some((node) => node !== except);
  }

  #pickOther(except: UpstreamNode): UpstreamNode | null {
    const others = this.#eligible.filter((node) => node !== except);
    return others[this.#random.nextUint32() % Math.max(1, others.length)] ?? null;
  }

  #pickAny(except: UpstreamNode | null): UpstreamNode | null {
    const others = this.nodes.filter((node) => node !== except && !node.isDraining);
    return others[this.#random.nextUint32() % Math.max(1, others.length)] ?? null;
  }

  /** Ejects a node that failed too often in a row, but never so many that fewer than half remain. */
  considerEjection(node: UpstreamNode, nowMs: number): void {
    if (!this.ejectionEnabled || node.ejectedUntilMs !== 0) return;
    const ejected = this.nodes.reduce((count, other) => count + (other.ejectedUntilMs === 0 ? 0 : 1), 0);
    if (ejected + 1 > this.nodes.length * ejectedShareMax) return;
    node.eject(nowMs);
    this.refresh(nowMs);
    node.emptyPool();
  }
}
