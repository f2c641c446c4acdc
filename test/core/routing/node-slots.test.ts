import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assignSlots,
  type NodeAssignment,
  NodeSlotsExhausted,
  type WantedNode,
} from '#src/core/routing/node-slots.ts';
import { nodesPerClusterMax } from '#src/limits.ts';

const node = (port: number, draining = false): WantedNode => ({ id: `n:${port}`, host: 'n', port, draining });
const slots = (nodes: readonly NodeAssignment[]) =>
  Object.fromEntries(nodes.map(({ port, slot }) => [port, slot]));
const range = (start: number, count: number) =>
  Array.from({ length: count }, (_, index) => node(start + index));

test('assignSlots counts up from zero when there are no nodes yet', () => {
  assert.deepEqual(slots(assignSlots([], [node(1), node(2)])), { 1: 0, 2: 1 });
});

test('assignSlots keeps the slot of a known node and takes its new state when the list changes', () => {
  const current = assignSlots([], [node(1), node(2), node(3)]);
  const next = assignSlots(current, [node(3, true), node(1)]);
  assert.deepEqual(slots(next), { 1: 0, 3: 2 });
  assert.equal(next[0]?.draining, true);
});

test('assignSlots leaves the slot of a node just removed unused when it adds another', () => {
  const current = assignSlots([], [node(1), node(2)]);
  const next = assignSlots(current, [node(1), node(9)]);
  assert.deepEqual(slots(next), { 1: 0, 9: 2 });
});

test('assignSlots reuses a slot freed long ago last when later ones are free', () => {
  const first = assignSlots([], [node(1), node(2), node(3)]);
  const second = assignSlots(first, [node(1), node(3)]);
  assert.deepEqual(slots(assignSlots(second, [node(1), node(3), node(4)])), { 1: 0, 3: 2, 4: 3 });
});

test('assignSlots goes round when the last slot is in use', () => {
  const current = [{ ...node(1), slot: nodesPerClusterMax - 1 }];
  assert.deepEqual(slots(assignSlots(current, [node(1), node(2)])), { 1: nodesPerClusterMax - 1, 2: 0 });
});

test('assignSlots refuses when more nodes are wanted than a cluster can have', () => {
  assert.equal(assignSlots([], range(0, nodesPerClusterMax)).length, nodesPerClusterMax);
  assert.throws(() => assignSlots([], range(0, nodesPerClusterMax + 1)), NodeSlotsExhausted);
});

test('assignSlots refuses when old and new nodes together need more slots than there are', () => {
  const current = assignSlots([], range(0, 40));
  assert.throws(() => assignSlots(current, range(100, 40)), /replace them in two steps/);
});

test('assignSlots never shares a slot nor moves a node when lists change at random', () => {
  const lists = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 20 }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(lists, (ports) => {
      let current: NodeAssignment[] = [];
      for (const wanted of ports) {
        const next = assignSlots(
          current,
          wanted.map((port) => node(port)),
        );
        const before = slots(current);
        const freed = new Set(current.map(({ slot }) => slot));
        assert.equal(new Set(next.map(({ slot }) => slot)).size, wanted.length);
        for (const { port, slot } of next) {
          if (before[port] !== undefined) assert.equal(slot, before[port]);
          else assert.ok(!freed.has(slot));
          assert.ok(slot >= 0 && slot < nodesPerClusterMax);
        }
        current = next;
      }
    }),
  );
});
