import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ApiListener, type ListenTarget } from '#src/control-plane/listening/api-listener.ts';
import { tempFolder } from '../support/temp-folder.ts';

const host = '127.0.0.1';
const tcp = (port = 0): ListenTarget => ({ listener: { kind: 'tcp', host, port, tls: null } });
const unix = (path: string): ListenTarget => ({
  listener: { kind: 'unix', path, mode: 0o600, group: null, role: 'admin' },
});

function listenerFor(t: TestContext): ApiListener {
  const listener = new ApiListener({ events: { add: () => assert.fail() }, monotonicMs: () => 0 });
  t.after(() => listener.close());
  return listener;
}

/** Answers with what it knows of how a request came. */
function answer(listener: ApiListener): void {
  listener.handler = (asked, response) =>
    response.end(JSON.stringify({ url: asked.url, ...listener.arrivalOf(asked) }));
}

const overSocket = (socketPath: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    });
    asked.on('error', reject).end();
  });

/** Resolves when a request waits for the API. */
async function untilAsked(listener: ApiListener): Promise<void> {
  while (listener.waitingCount === 0) await turn();
}

test('a request that comes before the API is there waits for it', async (t) => {
  const listener = listenerFor(t);
  const { address } = await listener.listen(tcp());
  const early = fetch(`${address}/early`);
  await untilAsked(listener);
  answer(listener);
  listener.open();
  assert.match(await (await early).text(), /"url":"\/early"/);
  assert.match(await (await fetch(`${address}/late`)).text(), /"url":"\/late"/);
});

test('a port that is taken is the system’s error, and another can be had', async (t) => {
  const other = createServer().listen(0, host);
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const bound = other.address();
  assert.ok(bound !== null && typeof bound === 'object');
  const listener = listenerFor(t);
  await assert.rejects(listener.listen(tcp(bound.port)), { code: 'EADDRINUSE' });
  assert.notEqual((await listener.listen(tcp())).port, bound.port);
});

test('closing cuts what is under way', async (t) => {
  const listener = listenerFor(t);
  const { address } = await listener.listen(tcp());
  const waiting = fetch(address).then(
    () => 'answered',
    () => 'cut',
  );
  await untilAsked(listener);
  await listener.close();
  assert.equal(await waiting, 'cut');
});

test('an address and a socket are listened on side by side, and each request is known by where it came', async (t) => {
  const listener = listenerFor(t);
  const path = join(tempFolder(t), 'control.sock');
  answer(listener);
  listener.open();
  const [one, other] = [await listener.listen(tcp()), await listener.listen(unix(path))];
  assert.deepEqual([other.address, other.port], [`unix:${path}`, null]);
  assert.equal(one.address, `http://${host}:${one.port}`);
  assert.deepEqual(JSON.parse(await (await fetch(`${one.address}/`)).text()), {
    url: '/',
    scheme: 'http',
    origin: 'loopback',
    socketRole: null,
    certificateRole: null,
  });
  assert.deepEqual(JSON.parse(await overSocket(path, '/status')), {
    url: '/status',
    scheme: 'http',
    origin: 'socket',
    socketRole: 'admin',
    certificateRole: null,
  });
  await listener.close();
  assert.equal(existsSync(path), false);
});
