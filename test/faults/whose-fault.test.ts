// Who is slow, and whose answer is cut: a client's stall is no failure of a cluster, and X's cut answer is
// none of Y's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import {
  ATTEMPT,
  attemptOffset,
  epochSlots,
  failureKindIndex,
  NODE,
  nodeOffset,
  routeSlots,
  WORKER,
  Y,
} from '#src/shared-memory/layout.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { probePath, type TestConfig, testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';

/** One of Y's counters, or a range of them, over all epochs. */
function ofY(slab: Float64Array, at: number, length = 1): number {
  let sum = 0;
  for (let slot = 0; slot < epochSlots; slot++) {
    const from = attemptOffset(Y, slot) + at;
    for (const count of slab.subarray(from, from + length)) sum += count;
  }
  return sum;
}

describe('whose fault it is', { concurrency: false }, () => {
  const stops: (() => unknown)[] = [];
  after(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  async function listen(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  /** A node that passes its checks and otherwise does as told once a request begins. */
  const listenWith = (serve: (socket: Socket) => void): Promise<number> =>
    listen(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', (head: Buffer) => {
          if (head.includes(probePath)) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
          else serve(socket);
        });
      }),
    );

  /** All of the traffic is Y's. */
  async function start(config: TestConfig): Promise<Crossover> {
    const crossover = await startCrossover(testConfig(config), { weightPpm: 1_000_000 });
    stops.push(() => crossover.stop());
    return crossover;
  }

  it('is the client’s when it stops sending a body, on a connection that served before too', async () => {
    const signal = new Signal();
    const node = createHttpServer((request, response) => {
      if (request.method === 'GET') response.end();
    });
    stops.push(() => node.closeAllConnections());
    const port = await listen(node);
    const timeouts = { requestBodyMs: 1_000, responseHeadMs: 1_000 };
    const crossover = await start({ x: [port], y: [port], timeouts });
    assert.equal((await fetchOnce(crossover.port, '/'))?.status, 200);
    const client = new WireClient(crossover.port, ['POST'], signal.notify);
    client.socket.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc');
    const look = async (): Promise<Float64Array> => (await crossover.slabs())[0] as Float64Array;
    const isSent = async (): Promise<boolean> => (await look())[nodeOffset(Y, 0) + NODE.requests] === 2;
    await until(isSent, 'the request to be sent on');
    // Some ticks later, so that both deadlines, the client's and its node's, have to move.
    const beat = (await look())[WORKER.heartbeat] as number;
    const hasTicked = async (): Promise<boolean> => ((await look())[WORKER.heartbeat] as number) >= beat + 3;
    await until(hasTicked, 'some ticks');
    client.socket.write('def');
    await signal.until(() => client.finals().length === 1, 'the answer');
    assert.equal(client.finals()[0]?.status, 408);
    const slab = await look();
    assert.equal(slab[nodeOffset(Y, 0) + NODE.failures], 0);
    assert.equal(slab[nodeOffset(Y, 0) + NODE.connects], 1);
    assert.equal(ofY(slab, ATTEMPT.failures + failureKindIndex.timeout), 0);
    assert.equal(ofY(slab, ATTEMPT.clientAborts), 1);
    client.socket.destroy();
  });

  it('is the client’s when it sends and does not read: its connection ends', async () => {
    const port = await listenWith((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      socket.pipe(socket);
    });
    const timeouts = { requestBodyMs: 400, responseHeadMs: 400, responseBodyMs: 400, clientIdleMs: 400 };
    const crossover = await start({ x: [port], y: [port], timeouts });
    const client = connect(crossover.port, '127.0.0.1');
    client.on('error', () => {});
    const chunk = Buffer.alloc(256 * 1024, 'a');
    const sendMore = (): void => {
      while (!client.destroyed && client.write(chunk));
    };
    client.on('drain', sendMore);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n');
    sendMore();
    const signal = new Signal();
    client.on('close', signal.notify);
    await signal.until(() => client.closed, 'the proxy to end the connection');
  });

  it('is the client’s when it finishes its request and does not read the answer that came before: its connection ends', async () => {
    let hasAnswered = false;
    const port = await listenWith((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n');
      socket.write(Buffer.alloc(50_000_000, 'a'));
      hasAnswered = true;
    });
    const timeouts = { responseHeadMs: 400, responseBodyMs: 400, clientIdleMs: 400 };
    const crossover = await start({ x: [port], y: [port], timeouts });
    const client = connect(crossover.port, '127.0.0.1').pause();
    client.on('error', () => {});
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345');
    const isStuck = async (): Promise<boolean> => {
      const sent = (await crossover.slabs())[0]?.[WORKER.bytesToClients] ?? 0;
      const still = sent === bytesSent;
      bytesSent = sent;
      return hasAnswered && sent > 0 && still;
    };
    let bytesSent = -1;
    await until(isStuck, 'the answer to wait for the client');
    client.write('67890');
    const isGone = async (): Promise<boolean> => (await crossover.slabs())[0]?.[WORKER.connectionsOpen] === 0;
    await until(isGone, 'the proxy to end the connection');
    client.destroy();
  });

  it('is not Y’s when X cuts the answer that it gives in Y’s place', async () => {
    const x = await listen(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
      }),
    );
    const y = await listen(
      createHttpServer((request, response) => {
        response.statusCode = request.url?.startsWith(probePath) ? 200 : 503;
        response.end();
      }),
    );
    const crossover = await start({ x: [x], y: [y] });
    const signal = new Signal();
    const client = new WireClient(crossover.port, ['GET'], signal.notify);
    client.socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => client.ended, 'the end of the connection');
    assert.equal(client.stream.current?.status ?? client.stream.messages[0]?.status, 200);
    const slab = (await crossover.slabs())[0] as Float64Array;
    assert.equal(ofY(slab, ATTEMPT.status + 503), 1);
    assert.equal(ofY(slab, ATTEMPT.failures + failureKindIndex.truncated), 0);
    assert.equal(ofY(slab, ATTEMPT.routeFailures, routeSlots), 1);
    client.socket.destroy();
  });
});
