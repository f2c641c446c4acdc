// Assigns slots of the shared memory to the configured nodes, and resets the health of a slot that gets
// another node.
import type { Config } from '#src/config/config.ts';
import { assignSlots } from '#src/core/routing/node-slots.ts';
import type { NodeAssignments } from '#src/shared-memory/messages.ts';
import { nodeHealth, nodeHealthIndex, type SharedMemory } from '#src/shared-memory/shared-memory.ts';

/**
 * The configured nodes with their slots; new nodes get free ones. Throws NodeSlotsExhausted when there are
 * too few.
 */
export function assignNodes(current: NodeAssignments, config: Config): NodeAssignments {
  const of = (cluster: 'x' | 'y') =>
    assignSlots(
      current[cluster],
      config.clusters[cluster].nodes.map((node) => ({ ...node, draining: false })),
    );
  return { x: of('x'), y: of('y') };
}

/** Sets the health of nodes that are not in `before` to unknown. */
export function forgetHealth(memory: SharedMemory, before: NodeAssignments, nodes: NodeAssignments): void {
  const health = new Int32Array(memory.nodeHealth);
  for (const [arm, cluster] of (['x', 'y'] as const).entries()) {
    const known = new Set(before[cluster].map((node) => node.id));
    for (const node of nodes[cluster]) {
      if (!known.has(node.id)) Atomics.store(health, nodeHealthIndex(arm, node.slot), nodeHealth.unknown);
    }
  }
}
