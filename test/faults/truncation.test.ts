// Answers cut at random points, by length and chunked, by FIN and RST: the client must always see that something is missing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { chooseSeed } from '../support/load-client.ts';
import { Signal } from '../support/signal.ts';
import { WireClient } from '../support/wire-client.ts';

const cuts = 400;
const atOnce = 8;

const body = 'x'.repeat(3000);
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const answers = {
  length: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  chunked: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, 1000))}${chunk(body.slice(1000))}0\r\n\r\n`,
} as const;

/** Serves the answer named in the target up to the byte named there, then leaves in the way named there. */
function createCutter(): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const match = /^GET \/(length|chunked)\/(\d+)\/(end|reset) /.exec(bytes.toString('latin1'));
      if (match === null) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const answer = answers[match[1] as keyof typeof answers];
      socket.write(answer.slice(0, Number(match[2])), () => {
        if (match[3] === 'end') socket.end();
        else socket.resetAndDestroy();
      });
    });
  });
}

describe('an answer cut short', { concurrency: false }, () => {
  const server = createCutter();
  let crossover: Crossover;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    crossover = await startCrossover(testConfig({ x: [port], y: [port], health: { ejection: false } }));
  });
  after(async () => {
    await crossover?.stop();
    server.close();
  });

  async function isSeenAsIncomplete(target: string): Promise<boolean> {
    const signal = new Signal();
    const client = new WireClient(crossover.port, ['GET'], signal.notify);
    client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    const over = () => client.ended || client.finals().length > 0;
    const ended = await signal.until(over, 5_000);
    const [final] = client.finals();
    client.socket.destroy();
    return ended && (final === undefined || final.status === 502);
  }

  it('always looks incomplete to the client', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const targets = Array.from({ length: cuts }, () => {
      const kind = random.nextUint32() % 2 === 0 ? 'length' : 'chunked';
      const at = random.nextUint32() % answers[kind].length;
      return `/${kind}/${at}/${random.nextUint32() % 2 === 0 ? 'end' : 'reset'}`;
    });
    const complete: string[] = [];
    const work = async (): Promise<void> => {
      for (let target = targets.pop(); target !== undefined; target = targets.pop())
        if (!(await isSeenAsIncomplete(target))) complete.push(target);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    assert.deepEqual(complete, []);
  });

  it('is told apart from a whole one', async () => {
    for (const kind of ['length', 'chunked'] as const)
      assert.equal(await isSeenAsIncomplete(`/${kind}/${answers[kind].length}/end`), false);
  });
});
