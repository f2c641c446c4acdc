// Draining: what was accepted is finished, keep-alive clients are told, tunnels and endless streams end at the deadline.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { WireClient } from '../support/wire-client.ts';

const drainMs = 2_000;
const downloads = 20;
const tunnels = 10;
const downloadBytes = 200_000;

describe('a drain', { concurrency: false }, () => {
  const responses: ServerResponse[] = [];
  let server: Server;
  let sockets: WebSocketServer;
  let crossover: Crossover;
  before(async () => {
    server = createServer((request, response) => {
      if (request.url?.startsWith('/download')) {
        response.setHeader('Content-Length', downloadBytes);
        response.write('x'.repeat(downloadBytes / 2));
        responses.push(response);
      } else if (request.url === '/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      } else response.end('ok');
    });
    sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (data: RawData) => socket.send(data)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    crossover = await startCrossover(testConfig({ workers: 2, x: [port], y: [port], timeouts: { drainMs } }));
  });
  after(async () => {
    await crossover?.stop();
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.closeAllConnections();
    server.close();
  });

  it('finishes downloads, closes idle connections, and ends tunnels and streams at the deadline', async () => {
    const signal = new Signal();
    const get = (target: string): WireClient => {
      const client = new WireClient(crossover.port, [], signal.notify);
      client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      return client;
    };
    const idle = Array.from({ length: 10 }, () => get('/idle'));
    const slow = Array.from({ length: downloads }, (_, index) => get(`/download/${index}`));
    const events = Array.from({ length: 5 }, () => get('/events'));
    const webSockets = await Promise.all(Array.from({ length: tunnels }, () => openEcho(crossover.port)));
    await signal.until(() => idle.every((client) => client.finals().length === 1), 5_000);
    await signal.until(() => slow.every(({ stream }) => stream.current !== null), 5_000);
    await signal.until(() => events.every((client) => client.bytes().includes('data: 1')), 5_000);

    const drained = crossover.order({ type: 'drain' }) as Promise<{ cutExchanges: number }>;
    assert.ok(
      await signal.until(() => idle.every(({ ended }) => ended), 5_000),
      'idle connections are closed',
    );
    assert.ok(idle.every(({ endedClean, error }) => endedClean && error === null));
    const late = new WireClient(crossover.port, [], signal.notify);
    await signal.until(() => late.closed || late.ended, 1_000);
    assert.ok(late.closed || late.ended, 'nobody is accepted any more');
    const echoed = await echo(webSockets[0] as WebSocket, 'still open');
    assert.equal(echoed, 'still open', 'a tunnel lives until the deadline');
    for (const response of responses) response.end('x'.repeat(downloadBytes / 2));
    await signal.until(() => slow.every((client) => client.finals().length === 1), 5_000);
    for (const client of slow) {
      const [answer] = client.finals();
      assert.equal(Buffer.concat(answer?.body ?? []).length, downloadBytes);
    }
    const closed = webSockets.map((socket) => once(socket, 'close'));
    await Promise.all(closed);
    assert.ok(await signal.until(() => events.every(({ ended }) => ended), 5_000), 'streams end');
    assert.ok(
      events.every(({ endedClean }) => !endedClean),
      'and look cut',
    );
    const { cutExchanges } = await drained;
    assert.equal(cutExchanges, events.length + tunnels, 'what was cut is counted, and nothing else');
  });
});

async function openEcho(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = (await once(socket, 'message')) as [RawData];
  return data.toString();
}
