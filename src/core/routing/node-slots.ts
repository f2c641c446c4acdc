// Gives each node a slot in shared memory for its counters and its health. A node keeps its slot as long as
// it is listed.
import { nodesPerClusterMax } from '#src/limits.ts';

export interface WantedNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The node gets no new requests; those under way finish. */
  readonly draining: boolean;
}

/** A node with its slot in shared memory. */
export interface NodeAssignment extends WantedNode {
  readonly slot: number;
}

/** There are more nodes than slots, so the wanted list cannot be used. */
export class NodeSlotsExhausted extends Error {
  constructor(wantedCount: number) {
    super(
      wantedCount > nodesPerClusterMax
        ? `${wantedCount} nodes are more than the ${nodesPerClusterMax} a cluster can have`
        : `old and new nodes together are more than the ${nodesPerClusterMax} a cluster can have; replace them in two steps`,
    );
    this.name = 'NodeSlotsExhausted';
  }
}

/** The first free slot after `last`, in a circle: so a slot that was just freed is used again last. */
function nextFreeSlot(taken: ReadonlySet<number>, last: number): number | null {
  for (let distance = 1; distance <= nodesPerClusterMax; distance++) {
    const slot = (last + distance) % nodesPerClusterMax;
    if (!taken.has(slot)) return slot;
  }
  return null;
}

/**
 * Slots for the wanted nodes, in their order. A node with a known id keeps its slot. A new one gets a slot
 * that no current node has, because requests to a node that is removed now may still be under way and count
 * there.
 * @throws NodeSlotsExhausted when there are not enough slots
 */
export function assignSlots(
  current: readonly NodeAssignment[],
  wanted: readonly WantedNode[],
): NodeAssignment[] {
  if (wanted.length > nodesPerClusterMax) throw new NodeSlotsExhausted(wanted.length);
  const slotById = new Map(current.map((node) => [node.id, node.slot]));
  const taken = new Set(slotById.values());
  let last = Math.max(-1, ...taken);
  return wanted.map(({ id, host, port, draining }) => {
    const known = slotById.get(id);
    if (known !== undefined) return { slot: known, id, host, port, draining };
    const slot = nextFreeSlot(taken, last);
    if (slot === null) throw new NodeSlotsExhausted(wanted.length);
    taken.add(slot);
    last = slot;
    return { slot, id, host, port, draining };
  });
}
