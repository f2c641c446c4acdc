// Which node has which slot of the shared memory, and that a slot which changes hands starts without the health of the
// node before.
import type { Config } from '#src/config/config.ts';
import { assignSlots } from '#src/core/routing/node-slots.ts';
import type { NodeAssignments } from '#src/shared-memory/messages.ts';
import { nodeHealth, nodeHealthIndex, type SharedMemory } from '#src/shared-memory/shared-memory.ts';

/** The configured nodes with the slots they have, new ones in free slots; throws when there are more nodes than slots. */
export function assignNodes(current: NodeAssignments, config: Config): NodeAssignments {
  const of = (cluster: 'x' | 'y') =>
    assignSlots(
      current[cluster],
      config.clusters[cluster].nodes.map((node) => ({ ...node, draining: false })),
    );
  return { x: of('x'), y: of('y') };
}

/** The health of nodes that `before` does not have is unknown. */
export function forgetHealth(memory: SharedMemory, before: NodeAssignments, nodes: NodeAssignments): void {
  const health = new Int32Array(memory.nodeHealth);
  for (const [arm, cluster] of (['x', 'y'] as const).entries()) {
    const known = new Set(before[cluster].map((node) => node.id));
    for (const node of nodes[cluster]) {
      if (!known.has(node.id)) Atomics.store(health, nodeHealthIndex(arm, node.slot), nodeHealth.unknown);
    }
  }
}
