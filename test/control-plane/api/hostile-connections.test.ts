// Whoever opens hundreds of connections to the control API, and says nothing, or says it slowly, keeps nobody
// out who has a token: not even from the same address.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Agent, request } from 'undici';
import { authorization } from '../../support/control.ts';
import { startControl } from '../support/control-rig.ts';
import { tempFolder } from '../support/temp-folder.ts';

const hostilePerKind = 100;
const dripEveryMs = 100;

/** What a hostile client sends at once, and again and again. */
const kinds: Readonly<Record<string, { readonly first: string; readonly drip: string }>> = {
  idle: { first: '', drip: '' },
  'dripping heads': { first: 'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-A: ', drip: 'a' },
  'slow bodies': {
    first:
      'POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{',
    drip: ' ',
  },
  'slow bodies with a wrong token': {
    first:
      'POST /v1/rollout/revert HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{',
    drip: ' ',
  },
  'answers that nobody reads': {
    first: 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(30),
    drip: '',
  },
};

/** Opens the connections and keeps as many open: one that is closed is opened again. */
async function besiege(t: TestContext, open: () => Socket): Promise<void> {
  const sockets = new Set<Socket>();
  let isOver = false;
  const attack = (kind: { readonly first: string; readonly drip: string }): Promise<unknown> => {
    const socket = open();
    sockets.add(socket);
    if (kind === kinds['answers that nobody reads']) socket.pause();
    else socket.resume();
    socket.on('error', () => {});
    socket.write(kind.first);
    const timer = setInterval(() => {
      if (kind.drip !== '' && socket.writable) socket.write(kind.drip);
    }, dripEveryMs);
    socket.once('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
      if (!isOver) setTimeout(() => isOver || attack(kind), dripEveryMs);
    });
    return Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  };
  t.after(() => {
    isOver = true;
    for (const socket of sockets) socket.destroy();
  });
  const all = Object.values(kinds).flatMap((kind) =>
    Array.from({ length: hostilePerKind }, () => attack(kind)),
  );
  await Promise.all(all);
}

test('hundreds of hostile connections keep nobody out who has a token', async (t) => {
  const rig = await startControl(t);
  const { port } = new URL(rig.url);
  const headers = { authorization };
  const kept = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 60_000 });
  t.after(() => kept.destroy());
  const statusOn = async (agent: Agent | null, path: string): Promise<number> => {
    const dispatcher = agent ?? new Agent({ connections: 1 });
    const { statusCode, body } = await request(`${rig.url}${path}`, { headers, dispatcher });
    await body.dump();
    if (agent === null) await dispatcher.close();
    return statusCode;
  };
  assert.equal(await statusOn(kept, '/v1/status'), 200);
  await besiege(t, () => connect(Number(port), '127.0.0.1'));
  const wrong = Array.from({ length: 12 }, () =>
    rig
      .call('GET', '/v1/status', { headers: { authorization: 'Bearer wrong' } })
      .then(({ status }) => status),
  );
  for (let round = 0; round < 6; round++) {
    assert.equal(await statusOn(null, '/v1/status'), 200, `a new connection, round ${round}`);
    assert.equal(await statusOn(kept, '/v1/status'), 200, `the one that was kept, round ${round}`);
    assert.equal(await statusOn(null, '/livez'), 200, `the probe, round ${round}`);
  }
  for (const status of await Promise.all(wrong)) assert.ok(status === 401 || status === 429, String(status));
  const revert = await rig.call('POST', '/v1/rollout/revert', { body: { reason: 'beside all that' } });
  assert.equal(revert.status, 200);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const told = events.filter(({ name }: { name: string }) => name === 'control-crowded');
  assert.equal(told.length, 1);
});

test('a socket has places of its own while the port is besieged', async (t) => {
  const path = join(tempFolder(t), 'control.sock');
  const rig = await startControl(t, { control: `[127.0.0.1:0, "unix:${path}"]` });
  const { port } = new URL(rig.url);
  await besiege(t, () => connect(Number(port), '127.0.0.1'));
  const dispatcher = new Agent({ connect: { socketPath: path } });
  t.after(() => dispatcher.destroy());
  for (let round = 0; round < 5; round++) {
    const { statusCode, body } = await request('http://localhost/v1/status', { dispatcher });
    await body.dump();
    assert.equal(statusCode, 200);
  }
});

test('a connection that says nothing, or too little, is closed', async (t) => {
  const rig = await startControl(t);
  const { port } = new URL(rig.url);
  for (const text of ['', 'GET /livez HTTP/1.1\r\nHost: loc']) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.resume();
    socket.write(text);
    await once(socket, 'close');
  }
});
