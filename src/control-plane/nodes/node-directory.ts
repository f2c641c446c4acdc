// The nodes of both clusters as they are now, with what is known about each: what the probes found, what the
// workers count, whether it is being drained.
import type { NodeView } from '#src/record/node-view.ts';
import { type Arm, armNames, type ClusterName, NODE, nodeOffset, X, Y } from '#src/shared-memory/layout.ts';
import type { NodeAssignment, NodeAssignments } from '#src/shared-memory/messages.ts';
import { nodeHealth, nodeHealthIndex, type SharedMemory } from '#src/shared-memory/shared-memory.ts';

export const armOf = (cluster: ClusterName): Arm => (cluster === 'x' ? X : Y);

export class NodeDirectory {
  readonly #slabs: readonly Float64Array[];
  readonly #health: Int32Array;
  readonly #listeners: (() => void)[] = [];
  #nodes: NodeAssignments;

  constructor(memory: SharedMemory, nodes: NodeAssignments) {
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.#health = new Int32Array(memory.nodeHealth);
    this.#nodes = nodes;
  }

  of(cluster: ClusterName): readonly NodeAssignment[] {
    return this.#nodes[cluster];
  }

  /** Takes over a new list and tells those who follow it. */
  replace(nodes: NodeAssignments): void {
    this.#nodes = nodes;
    for (const listener of this.#listeners) listener();
  }

  onReplace(listener: () => void): void {
    this.#listeners.push(listener);
  }

  healthOf(cluster: ClusterName, node: NodeAssignment): number {
    return Atomics.load(this.#health, nodeHealthIndex(armOf(cluster), node.slot));
  }

  setHealth(arm: Arm, slot: number, value: number): void {
    Atomics.store(this.#health, nodeHealthIndex(arm, slot), value);
  }

  /**
   * Nodes that may get new requests: not drained and not found unhealthy. Unknown ones count, as for the
   * workers.
   */
  usableCount(cluster: ClusterName): number {
    let count = 0;
    for (const node of this.#nodes[cluster]) {
      if (!node.draining && this.healthOf(cluster, node) !== nodeHealth.unhealthy) count++;
    }
    return count;
  }

  views(cluster: ClusterName): NodeView[] {
    return this.#nodes[cluster].map((node) => this.#view(cluster, node));
  }

  #view(cluster: ClusterName, node: NodeAssignment): NodeView {
    const at = nodeOffset(armOf(cluster), node.slot);
    const sum = (field: number): number =>
      this.#slabs.reduce((total, slab) => total + (slab[at + field] as number), 0);
    const health = this.healthOf(cluster, node);
    return {
      id: node.id,
      healthy: health === nodeHealth.unknown ? null : health === nodeHealth.healthy,
      ejected: this.#slabs.some((slab) => (slab[at + NODE.ejected] as number) !== 0),
      draining: node.draining,
      inFlight: sum(NODE.inFlight),
      requests: sum(NODE.requests),
      failures: sum(NODE.failures),
    };
  }
}

export const clusterNames = armNames;
