import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { mock, test } from 'node:test';
import { bearerTokenOf, equalInConstantTime } from '#src/control-plane/api/bearer-token.ts';
import { failedLoginsMax } from '#src/control-plane/api/login-limiter.ts';
import { apiRoutes } from '../support/api-routes.ts';
import { startControl } from '../support/control-rig.ts';

const token = 'a-token-for-tests';
const concrete = (url: string): string => url.replace(':cluster', 'x').replace(':id', '127.0.0.1:1');

test('every route asks for the token when the request has none, except the probes', async (t) => {
  const rig = await startControl(t, { token });
  const routes = await apiRoutes();
  assert.ok(routes.length > 25);
  for (const { method, url, access } of routes) {
    const { status, headers } = await rig.call(method, concrete(url), { headers: { authorization: '' } });
    const name = `${method} ${url}`;
    if (access === 'token') {
      assert.equal(status, 401, name);
      assert.match(String(headers['www-authenticate']), /^Bearer/, name);
    } else {
      assert.notEqual(status, 401, name);
    }
  }
  const open = routes.filter(({ access }) => access !== 'token').map(({ url }) => url);
  assert.deepEqual(new Set(open), new Set(['/livez', '/readyz', '/metrics']));
});

test('a path that does not exist asks for the token as well', async (t) => {
  const rig = await startControl(t, { token });
  assert.equal((await rig.call('GET', '/nope', { headers: { authorization: '' } })).status, 401);
  assert.equal((await rig.call('GET', '/nope')).status, 404);
});

test('wrong tokens are refused and the right one is taken', async (t) => {
  const rig = await startControl(t, { token });
  for (const authorization of [
    'Bearer wrong',
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Basic ${token}`,
    token,
  ]) {
    const { status, json } = await rig.call('GET', '/v1/status', { headers: { authorization } });
    assert.deepEqual([status, json.code], [401, 'unauthorized'], authorization);
  }
  assert.equal((await rig.call('GET', '/v1/status')).status, 200);
  assert.equal(
    (await rig.call('GET', '/v1/status', { headers: { authorization: `bearer ${token}` } })).status,
    200,
  );
});

test('nobody needs a token when none is configured', async (t) => {
  const rig = await startControl(t);
  assert.equal((await rig.call('GET', '/v1/status')).status, 200);
});

test('tokens are compared in constant time, over digests of equal length', () => {
  const compare = mock.method(crypto, 'timingSafeEqual');
  assert.equal(equalInConstantTime('short', 'a much longer token'), false);
  assert.equal(equalInConstantTime('the same', 'the same'), true);
  assert.equal(compare.mock.callCount(), 2);
  const [given, expected] = compare.mock.calls[0]?.arguments ?? [];
  assert.deepEqual([given?.byteLength, expected?.byteLength], [32, 32]);
  compare.mock.restore();
});

test('a bearer token is read from a well-formed header only', () => {
  assert.equal(bearerTokenOf('Bearer abc'), 'abc');
  assert.equal(bearerTokenOf('BEARER   a.b-c_~+/='), 'a.b-c_~+/=');
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer a b', 'Basic abc', ' Bearer a']) {
    assert.equal(bearerTokenOf(header), null, String(header));
  }
});

test('failed logins are limited, and the right token still works from this machine', async (t) => {
  const rig = await startControl(t, { token });
  const wrong = { headers: { authorization: 'Bearer guess' } };
  const statuses: number[] = [];
  for (let count = 0; count < failedLoginsMax + 2; count++) {
    statuses.push((await rig.call('GET', '/v1/status', wrong)).status);
  }
  assert.deepEqual(statuses.slice(0, failedLoginsMax), Array(failedLoginsMax).fill(401));
  const limited = await rig.call('GET', '/v1/status', wrong);
  assert.equal(limited.status, 429);
  assert.equal(limited.json.code, 'too_many_attempts');
  assert.ok(Number(limited.headers['retry-after']) >= 1);
  assert.equal((await rig.call('GET', '/v1/status')).status, 200);
});

test('requests under a foreign host name are refused on every route', async (t) => {
  const rig = await startControl(t);
  for (const { method, url } of await apiRoutes()) {
    for (const host of [
      'evil.example',
      'evil.example:9900',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ]) {
      const status = await rawStatus(rig.url, method, concrete(url), [`Host: ${host}`]);
      assert.equal(status, 403, `${method} ${url} ${host}`);
    }
  }
});

test('requests under our own addresses and private names are served', async (t) => {
  const rig = await startControl(t);
  for (const host of [
    '127.0.0.1',
    'localhost:1',
    '[::1]:9900',
    '10.1.2.3',
    'crossover:9900',
    'crossover.kong.svc',
    'lb.internal',
  ]) {
    assert.equal(await rawStatus(rig.url, 'GET', '/v1/status', [`Host: ${host}`]), 200, host);
  }
});

test('requests from another origin are refused on every route', async (t) => {
  const rig = await startControl(t);
  for (const { method, url } of await apiRoutes()) {
    for (const origin of ['https://evil.example', 'null', rig.url.replace('127.0.0.1', 'localhost')]) {
      const { status } = await rig.call(method, concrete(url), { headers: { origin } });
      assert.equal(status, 403, `${method} ${url} ${origin}`);
    }
  }
});

test('changes that a browser marks as cross-site are refused, links to us are not', async (t) => {
  const rig = await startControl(t);
  for (const site of ['cross-site', 'same-site']) {
    const change = await rig.call('PUT', '/v1/split', {
      body: { y: 1 },
      headers: { 'sec-fetch-site': site },
    });
    assert.deepEqual([change.status, change.json.code], [403, 'forbidden_origin']);
    assert.equal((await rig.call('GET', '/v1/status', { headers: { 'sec-fetch-site': site } })).status, 200);
  }
  const own = { origin: rig.url, 'sec-fetch-site': 'same-origin' };
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 1 }, headers: own })).status, 200);
});

/** Sends a request with headers of our choice, which fetch would not let us set, and returns the status. */
async function rawStatus(url: string, method: string, path: string, headers: string[]): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(data.toString('latin1').slice(9, 12));
}
