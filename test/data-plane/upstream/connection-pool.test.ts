import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UpstreamConnection } from '#src/data-plane/upstream/upstream-connection.ts';
import { UpstreamNode, type Waiter } from '#src/data-plane/upstream/upstream-node.ts';
import { connectsPerNodeMax, upstreamPerNodeMax } from '#src/limits.ts';
import { slabLength, X } from '#src/shared-memory/layout.ts';

const connection = {} as UpstreamConnection;

function createNode(): UpstreamNode {
  const assignment = { id: 'x1', slot: 0, host: '127.0.0.1', port: 1, draining: false };
  return new UpstreamNode(new Float64Array(slabLength), X, assignment);
}

/** Somebody who waits and writes down what becomes of it. */
function queue(node: UpstreamNode, name: string, fates: string[]): Waiter {
  const waiter: Waiter = {
    connect: () => {
      node.connecting++;
      fates.push(`${name} connects`);
    },
    useConnection: () => fates.push(`${name} is served`),
    turnedAway: () => fates.push(`${name} is turned away`),
  };
  node.waiting.push(waiter);
  return waiter;
}

describe('those who wait for a connection to a node', () => {
  it('get the connections that are given back in the order in which they came', () => {
    const node = createNode();
    const fates: string[] = [];
    for (const name of ['first', 'second']) queue(node, name, fates);
    assert.deepEqual(
      [1, 2, 3].map(() => node.serveWaiting(connection)),
      [true, true, false],
    );
    assert.deepEqual(fates, ['first is served', 'second is served']);
  });

  it('connect themselves as far as there is room for more connects', () => {
    const node = createNode();
    const fates: string[] = [];
    node.connecting = connectsPerNodeMax - 1;
    for (const name of ['first', 'second']) queue(node, name, fates);
    node.admitWaiting();
    assert.deepEqual(fates, ['first connects']);
    node.connecting--;
    node.admitWaiting();
    assert.deepEqual(fates, ['first connects', 'second connects']);
  });

  it('do not connect to a node that has all the connections it may have', () => {
    const node = createNode();
    const fates: string[] = [];
    node.openCount = upstreamPerNodeMax;
    queue(node, 'first', fates);
    node.admitWaiting();
    assert.deepEqual(fates, []);
  });

  it('are turned away when the node is to take no more requests, and those who left are not', () => {
    const node = createNode();
    const fates: string[] = [];
    queue(node, 'first', fates);
    node.stopWaiting(queue(node, 'second', fates));
    node.closeIdle();
    node.closeIdle();
    assert.deepEqual(fates, ['first is turned away']);
  });

  it('are turned away by a failed connect only where no connection is in use that will come free', () => {
    const node = createNode();
    const fates: string[] = [];
    node.connecting = 2;
    node.openCount = 3;
    queue(node, 'first', fates);
    node.connectFailed();
    assert.deepEqual(fates, []);
    node.openCount = 2;
    node.connectFailed();
    assert.deepEqual(fates, ['first is turned away']);
  });

  it('get no connection of a node that drains', () => {
    const node = createNode();
    node.isDraining = true;
    queue(node, 'first', []);
    assert.equal(node.serveWaiting(connection), false);
  });
});
