// WebSockets through the proxy, with a real client and server: every byte arrives, and an end on one side is
// one on the other.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { createRandom } from '#src/base/random.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { chooseSeed } from '../support/load-client.ts';

const sockets = 20;
const messages = 200;
const messageBytesMax = 20_000;

const toBuffer = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);

describe('WebSockets through the proxy', { concurrency: false }, () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let crossover: Crossover;
  before(async () => {
    await once(server, 'listening');
    server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    crossover = await startCrossover(testConfig({ workers: 2, x: [port], y: [port] }));
  });
  after(async () => {
    await crossover?.stop();
    for (const client of server.clients) client.terminate();
    server.close();
  });

  const open = async (): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${crossover.port}/echo`);
    await once(socket, 'open');
    return socket;
  };

  it('carry every byte both ways', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const converse = async (): Promise<[string, string]> => {
      const socket = await open();
      const sent = createHash('sha1');
      const received = createHash('sha1');
      let echoes = 0;
      const finished = new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          received.update(toBuffer(data));
          if (++echoes === messages) resolve();
        });
      });
      for (let index = 0; index < messages; index++) {
        const bytes = Buffer.alloc(random.nextUint32() % messageBytesMax, random.nextUint32() & 255);
        sent.update(bytes);
        socket.send(bytes);
      }
      await finished;
      socket.close();
      await once(socket, 'close');
      return [sent.digest('hex'), received.digest('hex')];
    };
    const digests = await Promise.all(Array.from({ length: sockets }, converse));
    for (const [sent, received] of digests) assert.equal(received, sent);
  });

  it('end for the client when the server goes, with its code', async () => {
    const accepted = once(server, 'connection');
    const socket = await open();
    const [peer] = (await accepted) as [WebSocket];
    peer.close(4001, 'enough');
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 4001);
  });

  it('end for the other side when one is torn down', async () => {
    for (const side of ['client', 'server'] as const) {
      const accepted = once(server, 'connection');
      const socket = await open();
      socket.on('error', () => {});
      const [peer] = (await accepted) as [WebSocket];
      peer.on('error', () => {});
      const [torn, other] = side === 'client' ? [socket, peer] : [peer, socket];
      const closed = once(other, 'close');
      torn.terminate();
      const [code] = (await closed) as [number];
      assert.equal(code, 1006, `torn down by the ${side}`);
    }
  });
});
