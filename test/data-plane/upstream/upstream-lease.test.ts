import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Leaseholder, LeaseResult, UpstreamLease } from '#src/data-plane/upstream/upstream-lease.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import { pendingPerClusterMax } from '#src/limits.ts';
import { NODE, nodeOffset, WORKER, Y } from '#src/shared-memory/layout.ts';
import { FakeWorker } from '../../support/worker-with-fake-nodes.ts';

/** A lease on Y's node whose holder writes down what it hears. */
function make() {
  const worker = new FakeWorker();
  const [node] = worker.runtime.clusters[Y].nodes;
  assert.ok(node !== undefined);
  const heard: string[] = [];
  const holder: Leaseholder = {
    onUpstreamConnected: () => heard.push('connected'),
    onUpstreamBytes: () => heard.push('bytes'),
    onUpstreamEnd: () => heard.push('end'),
    onUpstreamDrained: () => heard.push('drained'),
    onUpstreamFailed: (code, connected) => heard.push(`${connected ? 'failed' : 'not connected'}: ${code}`),
    onUpstreamDeadline: () => heard.push('deadline'),
    onConnectFailed: (code) => heard.push(`connect failed: ${code}`),
    onRedispatch: (_node, code) => heard.push(`redispatched: ${code}`),
    onHeldUp: () => heard.push('held up'),
  };
  const newLease = () => new UpstreamLease(worker.runtime, holder);
  /** Requests on the node, requests that wait, open connections. */
  const counts = () => [node.inFlight, worker.counter('pendingY'), worker.counter('upstreamOpenY')];
  return { worker, node: node as UpstreamNode, heard, lease: newLease(), newLease, counts };
}

describe('a lease on a connection to a node', () => {
  it('waits for a connect, is counted until it ends, and gives back a connection that the next one takes', () => {
    const { worker, node, heard, lease, newLease, counts } = make();
    assert.equal(lease.take(node, false), LeaseResult.pending);
    assert.deepEqual(counts(), [1, 1, 1]);
    worker.lastConnect.connect();
    assert.deepEqual(heard, ['connected']);
    lease.pendingEnded();
    assert.equal(lease.isReused, false);
    lease.giveBack(true);
    assert.deepEqual(counts(), [0, 0, 1]);
    const next = newLease();
    assert.equal(next.take(node, false), LeaseResult.ready);
    assert.equal(next.isReused, true);
    next.drop();
    assert.deepEqual(counts(), [0, 0, 0]);
    assert.equal(worker.runtime.slab[nodeOffset(Y, 0) + NODE.requests], 2);
  });

  it('takes a fresh connection past an idle one, and hears itself of its failure', () => {
    const { worker, node, heard, lease, newLease, counts } = make();
    lease.take(node, false);
    worker.lastConnect.connect();
    lease.pendingEnded();
    lease.giveBack(true);
    const fresh = newLease();
    assert.equal(fresh.take(node, true), LeaseResult.pending);
    worker.lastConnect.fail('ECONNREFUSED');
    fresh.drop();
    assert.deepEqual(heard, ['connected', 'not connected: ECONNREFUSED']);
    assert.deepEqual(counts(), [0, 0, 1]);
  });

  it('that is dropped while it waits leaves no trace but the connect, which is kept for others', () => {
    const { worker, node, heard, lease, counts } = make();
    lease.take(node, false);
    lease.drop();
    assert.deepEqual(counts(), [0, 0, 1]);
    worker.lastConnect.connect();
    assert.deepEqual(heard, []);
    assert.equal(worker.counter('upstreamIdleY'), 1);
  });

  it('hears why the connect failed that it waited for, or why it was redispatched', () => {
    const { worker, node, heard, lease, newLease } = make();
    const second = newLease();
    const third = newLease();
    for (const each of [lease, second, third]) each.take(node, false);
    const [first] = worker.connects;
    second.drop(); // its connect goes on, for whoever waits
    first?.fail('EHOSTUNREACH');
    node.pool.redispatchWaiting(null);
    assert.deepEqual(heard, ['connect failed: EHOSTUNREACH', 'redispatched: null']);
  });

  it('is held up by a shortage of ours, also when it begins during one', () => {
    const { worker, node, heard, lease, newLease } = make();
    lease.take(node, false);
    worker.lastConnect.connect();
    newLease().take(node, false);
    worker.lastConnect.fail('EMFILE');
    newLease().take(node, false);
    assert.deepEqual(heard, ['connected', 'held up', 'held up']);
    assert.equal(worker.shortages('connect', 'descriptors'), 1);
  });

  it('is refused beyond our limits, and counts nowhere but as a shortage of ours', () => {
    const { worker, node, lease, counts } = make();
    node.pool.openMax = node.pool.openCount;
    assert.equal(lease.take(node, false), LeaseResult.noConnection);
    node.pool.openCount = 0;
    worker.runtime.slab[WORKER.pendingY] = pendingPerClusterMax;
    assert.equal(lease.take(node, false), LeaseResult.queueFull);
    assert.deepEqual(counts(), [0, pendingPerClusterMax, 0]);
    assert.equal(worker.shortages('connect', 'connections'), 1);
    assert.equal(worker.shortages('connect', 'queue'), 1);
    assert.equal(worker.runtime.slab[nodeOffset(Y, 0) + NODE.requests], 0);
  });
});
