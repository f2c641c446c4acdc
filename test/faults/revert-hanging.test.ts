// A Y that hangs, and a revert: nobody has to wait for Y's time-out who can be served by X.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { WireClient } from '../support/wire-client.ts';

const everything = 1_000_000;

async function cluster(
  t: TestContext,
  answers: (url: string) => string | null,
  signal: Signal,
): Promise<{ port: number; urls: string[] }> {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    const url = `${request.method} ${request.url}`;
    if (!url.includes('/-health')) urls.push(url);
    const answer = answers(url);
    if (answer === 'begun') response.write('beginning');
    else if (answer !== null) response.end(answer);
    signal.notify();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, urls };
}

test('what waits for Y at a revert is answered by X, where it may be sent again', async (t) => {
  const signal = new Signal();
  const x = await cluster(t, () => 'of X', signal);
  const y = await cluster(
    t,
    (url) => (url.includes('/-health') ? 'ok' : url === 'GET /begun' ? 'begun' : null),
    signal,
  );
  const config = testConfig({ x: [x.port], y: [y.port] });
  const crossover = await startCrossover(config, { weightPpm: everything });
  t.after(() => crossover.stop());
  const ask = (head: string): WireClient => {
    const client = new WireClient(crossover.port, [], signal.notify);
    t.after(() => client.socket.destroy());
    client.socket.write(`${head} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`);
    return client;
  };
  const gets = Array.from({ length: 20 }, (_, index) => ask(`GET /${index}`));
  const post = ask('POST /once');
  const begun = ask('GET /begun');
  await signal.until(
    () => y.urls.length === 22,
    'all requests to be on Y',
    () => y.urls,
  );
  await signal.until(() => begun.bytes().includes('beginning'), 'the beginning of an answer');
  await crossover.publishSplit(0);
  await signal.until(
    () => gets.every((client) => client.finals().length === 1),
    'the answers of X',
    () => crossover.log.slice(-5),
  );
  for (const client of gets) assert.match(`${client.bytes()}`, /of X/);
  assert.equal(x.urls.length, 20);
  assert.ok(
    x.urls.every((url) => /^GET \/\d+$/.test(url)),
    'neither the POST nor the answer that had begun',
  );
  assert.equal(post.bytes().length, 0);
  assert.ok(!post.closed && !begun.closed);
});
