// A shortage at our own end: nobody is charged, whoever can still be served waits or goes elsewhere, and it
// passes by itself.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { proxyErrorIndex } from '#src/base/error-catalog.ts';
import type { Config } from '#src/config/config.ts';
import { breakerFailuresInARow } from '#src/limits.ts';
import {
  ANSWER,
  ATTEMPT,
  answerOffset,
  failoverShortageOffset,
  NODE,
  nodeOffset,
  rejectedOffset,
  statusSlots,
  X,
  Y,
} from '#src/shared-memory/layout.ts';
import { codeOf, type FakeSocket, FakeWorker, statusOf } from '../../support/worker-with-fake-nodes.ts';

const alone = { failover: { on: [] } };
const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** That nothing of what happened counts against a node, a cluster or the breaker. */
function assertNobodyCharged(worker: FakeWorker): void {
  const { runtime } = worker;
  for (const arm of [X, Y] as const) {
    assert.equal(worker.attempts(arm, ATTEMPT.failures, 8), 0, 'failures');
    assert.equal(worker.attempts(arm, ATTEMPT.clientAborts), 0, 'client aborts');
    assert.equal(worker.attempts(arm, ATTEMPT.ageCrossed, 10), 0, 'slow requests');
    assert.equal(worker.attempts(arm, ATTEMPT.status, statusSlots), 0, 'answers in the comparison');
    for (const node of runtime.clusters[arm].nodes) {
      assert.equal(node.failuresInARow, 0);
      assert.equal(node.ejectedUntilMs, 0);
      assert.equal(runtime.slab[nodeOffset(arm, node.slot) + NODE.failures], 0);
      assert.deepEqual(worker.causes(arm, node.slot), {});
    }
    const answers = runtime.slab.subarray(answerOffset(arm), answerOffset(arm) + ANSWER.size);
    assert.equal(answers[ANSWER.status + 503], 0, 'answers by cluster');
  }
  assert.equal(worker.counter('breakerOpens'), 0);
  assert.deepEqual(runtime.requestSamples.list(), []);
}

/** As many requests as would open a breaker and eject a node, all of which fail. */
async function askInVain(worker: FakeWorker): Promise<FakeSocket[]> {
  const clients: FakeSocket[] = [];
  for (let count = 0; count < 2 * breakerFailuresInARow; count++) {
    clients.push(worker.ask());
    await turn();
    worker.tick();
    await turn();
  }
  return clients;
}

const resources = {
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
  EADDRNOTAVAIL: 'ports',
  ENOBUFS: 'memory',
  ENOMEM: 'memory',
} as const;

for (const [code, resource] of Object.entries(resources))
  describe(`a connect that fails with ${code}`, () => {
    it('is charged to nobody, counted, and answered with 503', async () => {
      const worker = new FakeWorker(alone);
      worker.failsWith = code;
      const clients = await askInVain(worker);
      assert.deepEqual(new Set(clients.map(statusOf)), new Set([503]));
      assert.deepEqual(new Set(clients.map(codeOf)), new Set(['resources_exhausted']));
      assertNobodyCharged(worker);
      assert.ok(worker.shortages('connect', resource) >= 1);
      assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), clients.length);
      const refused = worker.runtime.slab[rejectedOffset(proxyErrorIndex.resourcesExhausted)];
      assert.equal(refused, clients.length);
    });

    it('passes: the next request after it is served and compared', async () => {
      const worker = new FakeWorker(alone);
      worker.failsWith = code;
      await askInVain(worker);
      worker.failsWith = null;
      worker.tick();
      const client = worker.ask();
      worker.lastConnect.connect().receive(empty);
      assert.equal(statusOf(client), 200);
      assert.equal(worker.attempts(Y, ATTEMPT.status + 200), 1);
    });
  });

describe('a request of Y that meets a shortage of ours', () => {
  it('is answered by X, outside of the comparison and the budget, whatever its method', async () => {
    const worker = new FakeWorker({ failover: { budget: 0 } });
    worker.failsWith = 'EMFILE';
    const client = worker.ask('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab');
    worker.failsWith = null;
    await turn();
    assert.equal(worker.lastConnect.node.arm, X);
    assert.match(worker.lastConnect.connect().sent, /\r\n\r\nab$/);
    worker.lastConnect.receive(empty);
    assert.equal(statusOf(client), 200);
    assertNobodyCharged(worker);
    assert.equal(worker.runtime.slab[failoverShortageOffset], 1);
    assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), 1);
  });

  it('takes another node of Y first, which may have a connection', async () => {
    const worker = new FakeWorker({ y: 2 });
    worker.failsWith = 'EADDRNOTAVAIL';
    const client = worker.ask();
    worker.failsWith = null;
    await turn();
    const [first, second] = worker.connects;
    assert.equal(second?.node.arm, Y);
    assert.notEqual(second?.node, first?.node);
    second?.connect().receive(empty);
    assert.equal(statusOf(client), 200);
    assertNobodyCharged(worker);
  });

  it('waits for a connection in use rather than fail, and is not compared then', async () => {
    const worker = new FakeWorker();
    const first = worker.ask();
    const inUse = worker.lastConnect.connect();
    worker.failsWith = 'EMFILE';
    const second = worker.ask();
    await turn();
    const third = worker.ask();
    await turn();
    const connects = worker.connects.length;
    assert.deepEqual([second, third].map(statusOf), [null, null]);
    inUse.receive(empty);
    inUse.receive(empty);
    inUse.receive(empty);
    assert.deepEqual([first, second, third].map(statusOf), [200, 200, 200]);
    assert.equal(worker.connects.length, connects, 'no connect was tried meanwhile');
    assert.equal(worker.attempts(Y, ATTEMPT.status + 200), 1, 'only the first is compared');
    assert.equal(worker.attempts(Y, ATTEMPT.ownShortages), 2);
    assert.equal(worker.attempts(Y, ATTEMPT.failures, 8), 0);
  });

  it('gives an open breaker no answer: the next request is its probe', async () => {
    const worker = new FakeWorker(alone);
    const { breaker } = worker.runtime;
    for (let count = 0; count < breakerFailuresInARow; count++) breaker.failed(performance.now() - 60_000);
    worker.failsWith = 'EMFILE';
    worker.ask();
    await turn();
    assert.equal(worker.counter('breakerState'), 2, 'half open');
    worker.failsWith = null;
    worker.tick();
    const client = worker.ask();
    worker.lastConnect.connect().receive(empty);
    assert.equal(statusOf(client), 200);
    assert.equal(worker.counter('breakerState'), 0);
  });
});

describe('a connection that fails for a shortage of ours', () => {
  it('charges nobody before the response head, and a POST that was sent is not sent again', () => {
    const worker = new FakeWorker();
    const client = worker.ask('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab');
    worker.lastConnect.connect().fail('ENOBUFS');
    assert.equal(codeOf(client), 'resources_exhausted');
    assert.equal(worker.connects.length, 1);
    assert.equal(worker.shortages('transfer', 'memory'), 1);
    assertNobodyCharged(worker);
  });

  it('leaves the success of an answer that had begun, whose client sees it cut', () => {
    const worker = new FakeWorker();
    const client = worker.ask();
    worker.lastConnect.connect().receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123');
    worker.lastConnect.fail('ENOBUFS');
    assert.equal(statusOf(client), 200);
    assert.equal(worker.attempts(Y, ATTEMPT.status + 200), 1);
    assert.equal(worker.attempts(Y, ATTEMPT.failures, 8), 0);
    assert.equal(worker.counter('truncatedResponses'), 0);
  });
});

describe('our limit on connections to a node', () => {
  /**
   * Twice as many requests for a Y that has all its connections as would open a breaker; X answers where it
   * may.
   */
  function askFullY(on: Config['failover']['on']): { worker: FakeWorker; clients: FakeSocket[] } {
    const worker = new FakeWorker({ failover: { on, budget: 0 } });
    const [node] = worker.runtime.clusters[Y].nodes;
    assert.ok(node !== undefined);
    node.pool.openMax = node.pool.openCount;
    const clients = Array.from({ length: 2 * breakerFailuresInARow }, () => {
      const client = worker.ask();
      const [ofX] = worker.connects;
      if (ofX?.sent === '') ofX.connect();
      ofX?.receive(empty);
      return client;
    });
    assert.equal(worker.shortages('connect', 'connections'), clients.length);
    return { worker, clients };
  }

  it('is charged to nobody, and X answers without the budget', () => {
    const { worker, clients } = askFullY(['connect']);
    assert.deepEqual(new Set(clients.map(statusOf)), new Set([200]));
    assertNobodyCharged(worker);
  });

  it('is charged to nobody where the client gets 503', () => {
    const { worker, clients } = askFullY([]);
    assert.deepEqual(new Set(clients.map(codeOf)), new Set(['upstream_overloaded']));
    assertNobodyCharged(worker);
  });
});
