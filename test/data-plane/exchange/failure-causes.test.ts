// Why an upstream failed, from the socket to what is counted, remembered and answered.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectsPerNodeMax } from '#src/limits.ts';
import { ATTEMPT, failureKindIndex, NODE, nodeOffset, noNodeSlot, X, Y } from '#src/shared-memory/layout.ts';
import {
  codeOf,
  type FakeNodeSocket,
  FakeWorker,
  type FakeWorkerOptions,
  statusOf,
} from '../../support/worker-with-fake-nodes.ts';

/** Nothing saves a request, so that its client sees what happened. */
const alone: FakeWorkerOptions = { failover: { on: [] } };
const post = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345';
const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';

interface Case {
  readonly what: string;
  readonly request?: string;
  readonly happens: (node: FakeNodeSocket, worker: FakeWorker) => void;
  readonly cause: string;
  readonly kind: keyof typeof failureKindIndex;
  /** Code of the answer; null where one was begun. */
  readonly code: string | null;
}

const cases: readonly Case[] = [
  {
    what: 'a refused connect',
    happens: (node) => node.fail('ECONNREFUSED'),
    cause: 'connect ECONNREFUSED',
    kind: 'connect',
    code: 'upstream_connect_failed',
  },
  {
    what: 'an unreachable host',
    happens: (node) => node.fail('EHOSTUNREACH'),
    cause: 'connect EHOSTUNREACH',
    kind: 'connect',
    code: 'upstream_connect_failed',
  },
  {
    what: 'a connect that takes too long',
    happens: (_node, worker) => worker.tick(3_600_000),
    cause: 'connect deadline',
    kind: 'connect',
    code: 'upstream_connect_failed',
  },
  {
    what: 'a reset before the response head',
    happens: (node) => node.connect().fail('ECONNRESET'),
    cause: 'head ECONNRESET',
    kind: 'reset',
    code: 'upstream_reset',
  },
  {
    what: 'a write that fails',
    happens: (node) => node.connect().fail('EPIPE'),
    cause: 'send EPIPE',
    kind: 'reset',
    code: 'upstream_reset',
  },
  {
    what: 'a reset while the request body is sent',
    request: post,
    happens: (node) => node.connect().fail('ECONNRESET'),
    cause: 'send ECONNRESET',
    kind: 'reset',
    code: 'upstream_reset',
  },
  {
    what: 'a node that does not take the request',
    happens: (node, worker) => {
      node.isStalled = true;
      node.connect();
      worker.tick(3_600_000);
    },
    cause: 'send deadline',
    kind: 'timeout',
    code: 'upstream_timeout',
  },
  {
    what: 'a connection closed without an answer',
    happens: (node) => node.connect().end(),
    cause: 'head closed',
    kind: 'reset',
    code: 'upstream_reset',
  },
  {
    what: 'an answer that does not come',
    happens: (node, worker) => {
      node.connect();
      worker.tick(3_600_000);
    },
    cause: 'head deadline',
    kind: 'timeout',
    code: 'upstream_timeout',
  },
  {
    what: 'an answer with two lengths',
    happens: (node) =>
      node.connect().receive('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'),
    cause: 'head content_length_malformed_or_repeated',
    kind: 'protocol',
    code: 'upstream_response_invalid',
  },
  {
    what: 'an answer that is no HTTP',
    happens: (node) => node.connect().receive('SSH-2.0-OpenSSH\r\n'),
    cause: 'head status_line_malformed',
    kind: 'protocol',
    code: 'upstream_response_invalid',
  },
  {
    what: 'an answer whose body begins with a bad chunk',
    happens: (node) => node.connect().receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
    cause: 'head chunk_malformed',
    kind: 'protocol',
    code: 'upstream_response_invalid',
  },
  {
    what: 'a flood of interim answers',
    happens: (node) => node.connect().receive('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)),
    cause: 'head too_many_interim_responses',
    kind: 'protocol',
    code: 'upstream_response_invalid',
  },
  {
    what: 'a body that is cut by a reset',
    happens: (node) => {
      node.connect().receive(`${head}123`);
      node.fail('ECONNRESET');
    },
    cause: 'body ECONNRESET',
    kind: 'truncated',
    code: null,
  },
  {
    what: 'a body that ends early',
    happens: (node) => {
      node.connect().receive(`${head}123`);
      node.end();
    },
    cause: 'body closed',
    kind: 'truncated',
    code: null,
  },
  {
    what: 'a body that stops',
    happens: (node, worker) => {
      node.connect().receive(`${head}123`);
      worker.tick(3_600_000);
    },
    cause: 'body deadline',
    kind: 'truncated',
    code: null,
  },
  {
    what: 'a bad chunk within the body',
    happens: (node) => {
      node.connect().receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
      node.receive('zz\r\n');
    },
    cause: 'body chunk_malformed',
    kind: 'truncated',
    code: null,
  },
];

describe('the cause of a failure', () => {
  for (const { what, request, happens, cause, kind, code } of cases)
    it(`of ${what} is ${cause}`, () => {
      const worker = new FakeWorker(alone);
      const client = worker.ask(request);
      happens(worker.lastConnect, worker);
      assert.deepEqual(worker.causes(Y), { [cause]: 1 });
      assert.equal(worker.attempts(Y, ATTEMPT.failures + failureKindIndex[kind]), 1);
      assert.equal(worker.attempts(Y, ATTEMPT.failures, 8), 1, 'and nothing else');
      assert.equal(codeOf(client) ?? null, code);
      const [sample] = worker.runtime.requestSamples.list();
      assert.equal(`${sample?.cause?.phase} ${sample?.cause?.code}`, cause);
      assert.equal(sample?.kind, kind);
      assert.equal(sample?.status, null);
      assert.equal(sample?.node, 'y0');
      assert.equal(sample?.request, request === undefined ? 'GET /path' : 'POST /');
      assert.deepEqual(worker.log, []);
    });

  it('of a request that finds no node is no_node, at no node', () => {
    const worker = new FakeWorker({ ...alone, y: 0 });
    const client = worker.ask();
    assert.deepEqual(worker.causes(Y, noNodeSlot), { 'select no_node': 1 });
    assert.equal(codeOf(client), 'upstream_unavailable');
    assert.equal(worker.runtime.requestSamples.list()[0]?.node, null);
  });

  it('of a request that is turned away when a connect fails, and finds no other node, is that of the connect', () => {
    const worker = new FakeWorker(alone);
    const clients = Array.from({ length: connectsPerNodeMax + 1 }, () => worker.ask());
    worker.connects[0]?.fail('ECONNREFUSED');
    assert.deepEqual(worker.causes(Y), { 'connect ECONNREFUSED': 2 });
    const told = clients.map(codeOf);
    assert.deepEqual([told[0], told.at(-1)], ['upstream_connect_failed', 'upstream_unavailable']);
    assert.deepEqual(worker.causes(Y, noNodeSlot), {});
    const [node] = worker.runtime.clusters[Y].nodes;
    assert.equal(node?.failuresInARow, 1, 'the node is charged with the connect, and with nothing else');
  });

  it('is counted on X for what X fails, and makes no sample there', () => {
    const worker = new FakeWorker({ weightPpm: 0 });
    worker.ask();
    worker.lastConnect.fail('ECONNREFUSED');
    assert.deepEqual(worker.causes(X), { 'connect ECONNREFUSED': 1 });
    assert.deepEqual(worker.runtime.requestSamples.list(), []);
  });

  it('is counted for each try, and the first attempt only once', () => {
    const worker = new FakeWorker({ y: 2 });
    const client = worker.ask();
    const first = worker.lastConnect;
    first.fail('ECONNREFUSED');
    const second = worker.lastConnect;
    assert.notEqual(second.node, first.node, 'another node of Y');
    second.connect().fail('ECONNRESET');
    worker.lastConnect.connect().receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    assert.equal(statusOf(client), 200);
    assert.deepEqual(worker.causes(Y, first.node.slot), { 'connect ECONNREFUSED': 1 });
    assert.deepEqual(worker.causes(Y, second.node.slot), { 'head ECONNRESET': 1 });
    assert.equal(worker.attempts(Y, ATTEMPT.failures, 8), 1);
    assert.equal(worker.attempts(X, ATTEMPT.assigned), 0);
    assert.equal(worker.counter('connectRetries'), 1);
  });

  it('of an idle connection that was just closed is none: the request is sent again', () => {
    const worker = new FakeWorker(alone);
    worker.ask();
    const kept = worker.lastConnect.connect();
    kept.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    const client = worker.ask();
    kept.fail('ECONNRESET');
    worker.lastConnect.connect().receive('HTTP/1.1 204 No Content\r\n\r\n');
    assert.equal(statusOf(client), 204);
    assert.deepEqual(worker.causes(Y), {});
    assert.equal(worker.counter('staleReuseRetries'), 1);
    assert.equal(worker.runtime.slab[nodeOffset(Y, 0) + NODE.failures], 0);
  });

  it('starts afresh with the node that gets the slot of another', () => {
    const worker = new FakeWorker(alone);
    worker.ask();
    worker.lastConnect.fail('ECONNREFUSED');
    const successor = { slot: 0, id: 'next', host: '127.0.0.1', port: 9, draining: false };
    worker.runtime.assignNodes({ x: [], y: [successor] });
    assert.deepEqual(worker.causes(Y), {});
  });
});
