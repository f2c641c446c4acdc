// Which slot in shared memory a node's counters and health have. A slot stays with its node while the node is listed.
import { nodesPerClusterMax } from '#src/limits.ts';

export interface WantedNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Gets no new requests; those under way finish. */
  readonly draining: boolean;
}

/** A node with its fixed slot in shared memory. A slot is not reused while any other is free. */
export interface NodeAssignment extends WantedNode {
  readonly slot: number;
}

/** More nodes than slots: what the operator asked for can't be done at once. */
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

/** The first slot after `last`, in a circle, that is not taken. Going round leaves a freed slot unused for longest. */
function nextFreeSlot(taken: ReadonlySet<number>, last: number): number | null {
  for (let distance = 1; distance <= nodesPerClusterMax; distance++) {
    const slot = (last + distance) % nodesPerClusterMax;
    if (!taken.has(slot)) return slot;
  }
  return null;
}

/**
 * Slots for the wanted nodes, in their order: a node with a known id keeps its slot, a new one gets a slot that no current
 * node has (requests to a node just removed may still be under way and count there).
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
