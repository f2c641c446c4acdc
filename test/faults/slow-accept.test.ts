// A node that serves the connections it has and accepts no more: connects to it hang, and nobody may wait for
// his own.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { platform } from 'node:process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WORKER } from '#src/shared-memory/layout.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { probePath, testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const entry = fileURLToPath(new URL('../support/hesitant-listener-child.ts', import.meta.url));
const acceptQueue = 2; // backlog 1 and one more, as Linux counts

describe('a node that stopped accepting', { skip: platform !== 'linux', concurrency: false }, () => {
  const signal = new Signal();
  const held: ServerResponse[] = [];
  let probes = 0;
  /** What the listener's connections are served by. */
  const node = createServer((request, response) => {
    if (request.url === probePath) {
      probes++;
      signal.notify();
    }
    if (request.url !== '/first') {
      response.end('ok');
      return;
    }
    held.push(response);
    signal.notify();
  });
  const inQueue: Socket[] = [];
  let listener: ChildProcess;
  let crossover: Crossover;
  let port: number;

  before(async () => {
    listener = fork(entry);
    [port] = (await once(listener, 'message')) as [number];
    listener.on('message', (message, handle) => {
      if (message === 'connection') node.emit('connection', handle);
    });
    crossover = await startCrossover(testConfig({ x: [port], y: [port] }));
  });
  after(async () => {
    for (const socket of inQueue) socket.destroy();
    listener.kill('SIGKILL');
    await crossover?.stop();
    node.closeAllConnections();
  });

  const ask = (target: string): WireClient => {
    const client = new WireClient(crossover.port, ['GET'], signal.notify);
    client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    return client;
  };

  /** Connects past the proxy until one of them hangs. */
  async function fillAcceptQueue(): Promise<void> {
    let connected = 0;
    for (let count = 0; count <= acceptQueue; count++) {
      const socket = connect(port, '127.0.0.1', () => {
        connected++;
        signal.notify();
      });
      socket.on('error', () => {});
      inQueue.push(socket);
    }
    await signal.until(() => connected === acceptQueue, 'a full accept queue');
  }

  it('serves a request whose connect hangs on the connection that another one gives back', async () => {
    const first = ask('/first');
    await signal.until(() => held.length === 1, 'the first request');
    // The node is one of X and one of Y. A check that came later would take a place in the queue that is to
    // be filled.
    await signal.until(() => probes === 2, 'the checks of both, which are not repeated for an hour');
    listener.kill('SIGSTOP');
    await fillAcceptQueue();
    const second = ask('/second');
    const isPending = async (): Promise<boolean> => (await crossover.slabs())[0]?.[WORKER.pendingX] === 1;
    await until(isPending, 'the second request to wait for a connection');
    held[0]?.end('ok');
    await signal.until(() => first.finals().length + second.finals().length === 2, 'both answers');
    assert.deepEqual(
      [first, second].map((client) => client.finals()[0]?.status),
      [200, 200],
    );
    assert.equal(inQueue.filter(({ connecting }) => connecting).length, 1, 'connects hang still');
    for (const client of [first, second]) client.socket.destroy();
  });
});
