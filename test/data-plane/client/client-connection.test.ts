import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ClientConnection } from '#src/data-plane/client/client-connection.ts';
import { ClientRegistry } from '#src/data-plane/client/client-registry.ts';
import { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { authorityBytesMax, pipelinedRequestsPerTurnMax } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine, WorkerStart } from '#src/shared-memory/messages.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { testConfig } from '../../support/crossover-config.ts';

/** Writes down what is sent on it and takes everything at once. */
class FakeSocket implements Socket {
  owner: ClientConnection;
  readonly remoteAddress = '127.0.0.1';
  isOpen = true;
  readonly hasPendingWrites = false;
  readonly pendingBytes = 0;
  sent = '';

  constructor(owner: ClientConnection) {
    this.owner = owner;
  }

  write(bytes: Uint8Array, from: number, to: number): boolean {
    this.sent += Buffer.from(bytes.subarray(from, to)).toString('latin1');
    return true;
  }

  writeShared(bytes: Buffer, from: number, to: number): boolean {
    return this.write(bytes, from, to);
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}

  destroy(): void {
    this.isOpen = false;
  }

  reset(): void {
    this.isOpen = false;
  }

  receive(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.isOpen) this.owner.onBytes(bytes, bytes.length);
  }
}

interface Rig {
  readonly runtime: WorkerRuntime;
  readonly log: LogLine[];
  connect(): FakeSocket;
}

/** A worker whose nodes take no requests: each request is answered with 503 at once. */
function createRig(limits: { headBytes?: number } = {}): Rig {
  const node = (id: string, port: number) => ({ slot: 0, id, host: '127.0.0.1', port, draining: true });
  const start: WorkerStart = {
    config: testConfig({ x: [1], y: [2], limits }),
    configRevision: 1,
    nodes: { x: [node('a', 1)], y: [node('b', 2)] },
    memory: createSharedMemory(1),
    routes: { kind: 'derived', routes: [] },
    workerIndex: 0,
    transport: 'stream',
  };
  const log: LogLine[] = [];
  const runtime = new WorkerRuntime(start, (line) => log.push(line));
  const registry = new ClientRegistry(runtime.slab, runtime.allSlabs);
  const connect = (): FakeSocket => {
    const connection = new ClientConnection(runtime, registry, new ExchangePool(runtime));
    const socket = new FakeSocket(connection);
    registry.add(connection);
    connection.begin(socket);
    return socket;
  };
  return { runtime, log, connect };
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
const statusesOf = ({ sent }: FakeSocket): string[] =>
  [...sent.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);

describe('a client connection', () => {
  it('answers all of many pipelined requests, wherever its bytes were cut', async () => {
    const count = 3 * pipelinedRequestsPerTurnMax;
    const text = Array.from({ length: count }, (_, index) => get(`/${index}`)).join('');
    for (const cut of [text.length - 1_510, text.length - 7, 40]) {
      const socket = createRig().connect();
      socket.receive(text.slice(0, cut));
      socket.receive(text.slice(cut));
      for (let turns = 0; turns < 10; turns++) await turn();
      assert.deepEqual(statusesOf(socket), Array(count).fill('503'), `cut at ${cut}`);
      assert.ok(socket.owner.isIdle);
    }
  });

  it('is not idle while requests that it has wait for a turn', () => {
    const socket = createRig().connect();
    socket.receive(get('/').repeat(2 * pipelinedRequestsPerTurnMax));
    assert.equal(socket.owner.isIdle, false);
    assert.equal(socket.owner.cut(), true);
  });

  it('ends alone when handling its request throws, in a later turn too', async () => {
    const { runtime, log, connect } = createRig();
    const [broken, other] = [connect(), connect()];
    const { next } = runtime.requestIds;
    broken.receive(get('/').repeat(pipelinedRequestsPerTurnMax + 1));
    runtime.requestIds.next = () => {
      throw new Error('a mistake of ours');
    };
    await turn();
    runtime.requestIds.next = next;
    assert.equal(broken.isOpen, false);
    assert.match(String(log[0]?.fields?.error), /a mistake of ours/);
    other.receive(get('/'));
    assert.deepEqual(statusesOf(other), ['503']);
  });

  it('holds the longest head with the longest Host, and refuses a longer one', () => {
    const headBytes = 124 * 1024;
    const { log, connect } = createRig({ headBytes });
    const request = (hostBytes: number): string => {
      const head = `GET / HTTP/1.1\r\nHost: ${'h'.repeat(hostBytes)}\r\nA: `;
      return `${head}${'a'.repeat(headBytes - head.length - 4)}\r\n\r\n`;
    };
    const [longest, tooLong] = [connect(), connect()];
    longest.receive(request(authorityBytesMax));
    assert.deepEqual(statusesOf(longest), ['503']);
    tooLong.receive(request(authorityBytesMax + 1));
    assert.deepEqual(statusesOf(tooLong), ['400']);
    assert.deepEqual(log, []);
  });

  it('refuses a HEAD request without a body', () => {
    const { runtime, connect } = createRig();
    const refused = ['HEAD / HTTP/1.1\r\n\r\n', 'HEAD * HTTP/1.1\r\n', 'HEAD / HTTP/2.0\r\n'].map((text) => {
      const socket = connect();
      socket.receive(text);
      return socket;
    });
    const slow = connect();
    slow.receive('\r\nHEAD / HTTP/1.1\r\nHost:');
    runtime.wheel.advance(runtime.wheel.nowMs + 2 * runtime.config.timeouts.requestHeadMs);
    for (const { sent } of [...refused, slow]) {
      assert.match(sent, /^HTTP\/1\.1 (400|408|505) /);
      assert.match(sent, /\r\n\r\n$/);
    }
    const withBody = connect();
    withBody.receive('GET / HTTP/1.1\r\n\r\n');
    assert.match(withBody.sent, /host_invalid/);
  });

  it('counts every byte that it reads', () => {
    const { runtime, connect } = createRig();
    const socket = connect();
    socket.receive(get('/'));
    socket.receive('nonsense\n');
    assert.equal(runtime.slab[WORKER.bytesFromClients], get('/').length + 'nonsense\n'.length);
  });
});
