import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ApiListener } from '#src/control-plane/api/api-listener.ts';

const host = '127.0.0.1';

test('a request that comes before the API is there waits for it', async (t) => {
  const listener = new ApiListener();
  t.after(() => listener.close());
  const port = await listener.listen({ host, port: 0 });
  const arrived = new Promise<void>((resolve) => listener.server.once('request', () => resolve()));
  const early = fetch(`http://${host}:${port}/early`);
  await arrived;
  listener.handler = (request, response) => response.end(`answer to ${request.url}`);
  listener.open();
  assert.equal(await (await early).text(), 'answer to /early');
  assert.equal(await (await fetch(`http://${host}:${port}/late`)).text(), 'answer to /late');
});

test('a port that is taken is the system’s error, and another can be had', async (t) => {
  const other = createServer().listen(0, host);
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const bound = other.address();
  assert.ok(bound !== null && typeof bound === 'object');
  const listener = new ApiListener();
  t.after(() => listener.close());
  await assert.rejects(listener.listen({ host, port: bound.port }), { code: 'EADDRINUSE' });
  assert.notEqual(await listener.listen({ host, port: 0 }), bound.port);
});

test('closing cuts what is under way', async () => {
  const listener = new ApiListener();
  const port = await listener.listen({ host, port: 0 });
  const arrived = new Promise<void>((resolve) => listener.server.once('request', () => resolve()));
  const waiting = fetch(`http://${host}:${port}/`).then(
    () => 'answered',
    () => 'cut',
  );
  await arrived;
  await listener.close();
  assert.equal(await waiting, 'cut');
});
