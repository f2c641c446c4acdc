import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ApiDoor } from '#src/control-plane/api/api-door.ts';

const host = '127.0.0.1';

test('a request that comes before the API is there waits for it', async (t) => {
  const door = new ApiDoor();
  t.after(() => door.close());
  const port = await door.listen({ host, port: 0 });
  const arrived = new Promise<void>((resolve) => door.server.once('request', () => resolve()));
  const early = fetch(`http://${host}:${port}/early`);
  await arrived;
  door.handler = (request, response) => response.end(`answer to ${request.url}`);
  door.open();
  assert.equal(await (await early).text(), 'answer to /early');
  assert.equal(await (await fetch(`http://${host}:${port}/late`)).text(), 'answer to /late');
});

test('a port that is taken is the system’s error, and another can be had', async (t) => {
  const other = createServer().listen(0, host);
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const bound = other.address();
  assert.ok(bound !== null && typeof bound === 'object');
  const door = new ApiDoor();
  t.after(() => door.close());
  await assert.rejects(door.listen({ host, port: bound.port }), { code: 'EADDRINUSE' });
  assert.notEqual(await door.listen({ host, port: 0 }), bound.port);
});

test('closing cuts what is under way', async () => {
  const door = new ApiDoor();
  const port = await door.listen({ host, port: 0 });
  const arrived = new Promise<void>((resolve) => door.server.once('request', () => resolve()));
  const waiting = fetch(`http://${host}:${port}/`).then(
    () => 'answered',
    () => 'cut',
  );
  await arrived;
  await door.close();
  assert.equal(await waiting, 'cut');
});
