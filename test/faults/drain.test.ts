// Draining: what was accepted is finished, keep-alive clients are told, tunnels and endless streams end at
// the deadline.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { Config } from '#src/config/config.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

/** Over before anything else is, on any machine. */
const shortDrainMs = 1;
const downloads = 20;
const tunnels = 10;
const streams = 5;
const downloadBytes = 200_000;

describe('a drain', { concurrency: false }, () => {
  const responses: ServerResponse[] = [];
  const signal = new Signal();
  let server: Server;
  let sockets: WebSocketServer;
  let port = 0;
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
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.closeAllConnections();
    server.close();
  });

  async function start(t: TestContext, timeouts: Partial<Config['timeouts']> = {}): Promise<Crossover> {
    const crossover = await startCrossover(testConfig({ workers: 2, x: [port], y: [port], timeouts }));
    t.after(() => crossover.stop());
    return crossover;
  }

  function get(crossover: Crossover, target: string): WireClient {
    const client = new WireClient(crossover.port, [], signal.notify);
    client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    return client;
  }

  async function openStreams(crossover: Crossover): Promise<WireClient[]> {
    const clients = Array.from({ length: streams }, () => get(crossover, '/events'));
    const hasBegun = (client: WireClient): boolean => client.bytes().includes('data: 1');
    await signal.until(() => clients.every(hasBegun), 'the beginning of every stream');
    return clients;
  }

  const openTunnels = (crossover: Crossover): Promise<WebSocket[]> =>
    Promise.all(Array.from({ length: tunnels }, () => openEcho(crossover.port)));

  it('finishes downloads, closes idle connections, and leaves tunnels and streams until its deadline', async (t) => {
    const crossover = await start(t);
    const idle = Array.from({ length: 10 }, () => get(crossover, '/idle'));
    const slow = Array.from({ length: downloads }, (_, index) => get(crossover, `/download/${index}`));
    const events = await openStreams(crossover);
    const webSockets = await openTunnels(crossover);
    await signal.until(() => idle.every((client) => client.finals().length === 1), 'the first answers');
    await signal.until(
      () => slow.every(({ stream }) => stream.current !== null),
      'the beginning of the downloads',
    );

    const drained = crossover.order({ type: 'drain' });
    await signal.until(() => idle.every(({ ended }) => ended), 'idle connections to be closed');
    assert.ok(idle.every(({ endedClean, error }) => endedClean && error === null));
    const late = new WireClient(crossover.port, [], signal.notify);
    await signal.until(() => late.closed || late.ended, 'a newcomer to be refused');
    const echoed = await echo(webSockets[0] as WebSocket, 'still open');
    assert.equal(echoed, 'still open', 'a tunnel lives until the deadline');
    for (const response of responses) response.end('x'.repeat(downloadBytes / 2));
    await signal.until(() => slow.every((client) => client.finals().length === 1), 'the whole downloads');
    for (const client of slow) {
      const [answer] = client.finals();
      assert.equal(Buffer.concat(answer?.body ?? []).length, downloadBytes);
    }
    assert.ok(
      events.every(({ ended }) => !ended),
      'streams go on until the deadline',
    );
    for (const { socket } of events) socket.resetAndDestroy();
    for (const socket of webSockets) socket.close();
    assert.deepEqual(await drained, { cutExchanges: 0 }, 'who left was not cut');
  });

  it('takes connections until its delay is over, and says at once that it is not ready', async (t) => {
    const crossover = await start(t, { drainDelayMs: 3_600_000 });
    const drained = crossover.order({ type: 'drain', isDelayed: true });
    const status = async () => (await fetch(`http://127.0.0.1:${crossover.controlPort}/readyz`)).status;
    await until(async () => (await status()) === 503, 'the word that it is not ready');
    const late = get(crossover, '/late');
    await signal.until(() => late.closed || late.finals().length === 1, 'the answer to a late client');
    assert.equal(late.finals()[0]?.status, 200);
    late.socket.destroy();
    assert.deepEqual(await crossover.order({ type: 'drain' }), { cutExchanges: 0 }, 'the wait is ended');
    assert.deepEqual(await drained, { cutExchanges: 0 });
  });

  it('begins by itself when its delay is over', async (t) => {
    const crossover = await start(t, { drainDelayMs: 1 });
    assert.deepEqual(await crossover.order({ type: 'drain', isDelayed: true }), { cutExchanges: 0 });
  });

  it('cuts tunnels and streams at its deadline, and counts them', async (t) => {
    const crossover = await start(t, { drainMs: shortDrainMs });
    const events = await openStreams(crossover);
    const webSockets = await openTunnels(crossover);
    const closed = webSockets.map((socket) => once(socket, 'close'));
    const drained = crossover.order({ type: 'drain' });
    await Promise.all(closed);
    await signal.until(() => events.every(({ ended }) => ended), 'streams to end');
    assert.ok(
      events.every(({ endedClean }) => !endedClean),
      'and look cut',
    );
    assert.deepEqual(await drained, { cutExchanges: streams + tunnels });
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
