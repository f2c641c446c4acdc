import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { Cluster } from '#src/data-plane/upstream/cluster.ts';
import type { Waiter } from '#src/data-plane/upstream/connection-pool.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import { ejectionBaseMs, ejectionFailuresInARow, nodesPerClusterMax } from '#src/limits.ts';
import { NODE, nodeOffset, slabLength, X } from '#src/shared-memory/layout.ts';
import { nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';

function make(count: number): { cluster: Cluster; health: Int32Array; slab: Float64Array } {
  const slab = new Float64Array(slabLength);
  const health = new Int32Array(2 * nodesPerClusterMax);
  const cluster = new Cluster(X, slab, health, createRandom(7), () => {});
  cluster.slowStartMs = 10_000;
  cluster.assign(nodes(count), 0);
  return { cluster, health, slab };
}

const nodes = (count: number, draining = false) =>
  Array.from({ length: count }, (_, slot) => ({
    slot,
    id: `n${slot}`,
    host: '127.0.0.1',
    port: 8000 + slot,
    draining,
  }));

/** How often each node is picked in `rounds` picks. */
function shares(cluster: Cluster, rounds: number, nowMs: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const id = cluster.pick(null, false, nowMs)?.id ?? 'none';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function failInARow(cluster: Cluster, node: UpstreamNode, nowMs: number): void {
  for (let count = 1; count <= ejectionFailuresInARow; count++)
    if (node.failed()) cluster.considerEjection(node, nowMs);
}

/** Waits for a connection, and when it is sent elsewhere for one to another node. */
class RetryingWaiter implements Waiter {
  readonly waiterLink: ListLink<Waiter> = new ListLink<Waiter>(this);
  readonly #next: () => UpstreamNode | null;

  constructor(next: () => UpstreamNode | null) {
    this.#next = next;
  }

  useConnection(): void {}
  connectFailed(): void {}
  heldUp(): void {}

  redispatch(): void {
    this.#next()?.pool.wait(this);
  }
}

/**
 * Has `count` requests wait for a connection to `node`; where they went when they were sent elsewhere is in
 * the answer.
 */
function waitFor(cluster: Cluster, node: UpstreamNode, count: number): string[] {
  const went: string[] = [];
  for (let index = 0; index < count; index++) {
    const waiter = new RetryingWaiter(() => {
      const other = cluster.pick(node, true, 0);
      went.push(other?.id ?? 'none');
      return other;
    });
    node.pool.wait(waiter);
  }
  return went;
}

describe('Cluster', () => {
  it('prefers the node with fewer requests in flight of two drawn', () => {
    const { cluster } = make(2);
    const [busy] = cluster.nodes as [UpstreamNode];
    busy.requestStarted();
    assert.deepEqual([...shares(cluster, 100, 0).keys()], ['n1']);
  });

  it('spreads evenly over idle nodes', () => {
    const { cluster } = make(4);
    for (const [id, count] of shares(cluster, 40_000, 0))
      assert.ok(count > 9_000 && count < 11_000, `${id}: ${count}`);
  });

  it('leaves out unhealthy and draining nodes', () => {
    const { cluster, health } = make(3);
    health[nodeHealthIndex(X, 0)] = nodeHealth.unhealthy;
    cluster.refresh(0);
    assert.equal(shares(cluster, 200, 0).has('n0'), false);
    cluster.assign(
      nodes(3).map((node) => ({ ...node, draining: node.slot === 1 })),
      0,
    );
    assert.deepEqual([...shares(cluster, 50, 0).keys()], ['n2']);
  });

  it('picks any node in a panic only when asked to', () => {
    const { cluster, health } = make(2);
    for (const slot of [0, 1]) health[nodeHealthIndex(X, slot)] = nodeHealth.unhealthy;
    cluster.refresh(0);
    assert.equal(cluster.pick(null, false, 0), null);
    assert.notEqual(cluster.pick(null, true, 0), null);
  });

  it('ejects a node after five failures in a row, and takes it back slowly', () => {
    const { cluster, slab } = make(2);
    const [bad] = cluster.nodes as [UpstreamNode];
    failInARow(cluster, bad, 1_000);
    assert.deepEqual([...shares(cluster, 50, 1_000).keys()], ['n1']);
    assert.equal(slab[nodeOffset(X, 0) + NODE.ejected], 1);
    const backAt = 1_000 + ejectionBaseMs;
    cluster.refresh(backAt);
    const early = shares(cluster, 10_000, backAt + 1_000).get('n0') ?? 0;
    assert.ok(early > 200 && early < 2_000, `a starting node got ${early} of 10,000`);
    cluster.refresh(backAt + 10_000);
    const late = shares(cluster, 10_000, backAt + 10_000).get('n0') ?? 0;
    assert.ok(late > 4_500, `a started node got ${late} of 10,000`);
  });

  it('never ejects more than half of the nodes', () => {
    const { cluster } = make(3);
    for (const node of cluster.nodes) failInARow(cluster, node, 0);
    assert.equal(cluster.nodes.filter((node) => node.ejectedUntilMs > 0).length, 1);
    const single = make(1);
    failInARow(single.cluster, single.cluster.nodes[0] as UpstreamNode, 0);
    assert.equal(single.cluster.hasEligibleNode, true);
  });

  it('avoids the node that just failed when there is another', () => {
    const { cluster } = make(2);
    const failed = cluster.nodes[0] as UpstreamNode;
    for (let round = 0; round < 50; round++) assert.equal(cluster.pick(failed, false, 0)?.id, 'n1');
    const single = make(1);
    assert.equal(single.cluster.pick(single.cluster.nodes[0] as UpstreamNode, false, 0), null);
  });

  it('keeps the state of nodes that stay when the list changes', () => {
    const { cluster } = make(2);
    const before = cluster.nodes[0];
    cluster.assign(nodes(3), 5_000);
    assert.equal(cluster.nodes[0], before);
    assert.equal(cluster.nodes[2]?.slowStartSinceMs, 5_000);
  });

  it('sends those who wait for nodes that are replaced to the new ones, and none to another that goes too', () => {
    const { cluster } = make(2);
    const went = cluster.nodes.map((node) => waitFor(cluster, node, 20));
    const replacements = nodes(4).slice(2);
    cluster.assign(replacements, 0);
    const ids = new Set(replacements.map(({ id }) => id));
    for (const goals of went) {
      assert.equal(goals.length, 20);
      assert.deepEqual(new Set(goals), ids);
    }
  });

  it('sends those who wait for a node that became unhealthy, or is ejected, to those that are left', () => {
    const { cluster, health } = make(4);
    const [sick, alsoSick, bad] = cluster.nodes as [UpstreamNode, UpstreamNode, UpstreamNode];
    const fromSick = [sick, alsoSick].map((node) => waitFor(cluster, node, 20));
    for (const slot of [0, 1]) health[nodeHealthIndex(X, slot)] = nodeHealth.unhealthy;
    cluster.refresh(0);
    for (const goals of fromSick) assert.deepEqual(new Set(goals), new Set(['n2', 'n3']));
    const waitingBefore = bad.pool.waitingCount;
    const fromBad = waitFor(cluster, bad, 20);
    failInARow(cluster, bad, 0);
    assert.ok(waitingBefore > 0);
    assert.deepEqual(fromBad, Array(20).fill('n3'));
  });

  it("moves a single node's waiting requests to the node that replaces it", () => {
    const { cluster } = make(1);
    const went = waitFor(cluster, cluster.nodes[0] as UpstreamNode, 3);
    cluster.assign(nodes(2).slice(1), 0);
    assert.deepEqual(went, ['n1', 'n1', 'n1']);
  });
});
