import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { mock, type TestContext, test } from 'node:test';
import { type Role, roleNames } from '#src/config/control-config.ts';
import { hashOf } from '#src/config/token-file.ts';
import { bearerTokenOf } from '#src/control-plane/access/bearer-token.ts';
import { routeRoles } from '#src/control-plane/api/route-roles.ts';
import { controlToken } from '../../support/control.ts';
import { apiRoutes } from '../support/api-routes.ts';
import { type ControlRig, startControl } from '../support/control-rig.ts';
import { tempFolder } from '../support/temp-folder.ts';

const token = controlToken;
const concrete = (url: string): string =>
  url.replace(':cluster', 'x').replace(':id', '127.0.0.1:1').replace(':name', 'orders');

const bearer = (given: string) => ({ headers: { authorization: `Bearer ${given}` } });
const tokenOf = (role: Role): string => `token-of-somebody-with-${role}`;

/** A control API with a token of each role, in a file. */
async function withRoles(t: TestContext, yaml = ''): Promise<ControlRig & { readonly file: string }> {
  const file = join(tempFolder(t), 'tokens');
  const lines = roleNames.map((role) => `${role}er ${role} ${tokenOf(role)}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  const rig = await startControl(t, { token: null, yaml: `control: { tokens: ${file} }\n${yaml}` });
  return { ...rig, file };
}

/** The next look at the files, which an endpoint has every two seconds. */
async function untilTold(rig: ControlRig, name: string, number = 1): Promise<void> {
  await rig.untilEvent(name, number);
}

test('every route needs a role, and no role is for a route that there is not', async () => {
  const routes = await apiRoutes();
  const known = routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(known.toSorted(), Object.keys(routeRoles).toSorted());
});

test('what redirects traffic or sets protection aside is for admins, what only looks for everybody', () => {
  const having = (role: Role) =>
    Object.entries(routeRoles)
      .filter(([, needed]) => needed === role)
      .map(([route]) => route);
  assert.deepEqual(having('admin'), [
    'PUT /v1/clusters/:cluster/nodes',
    'POST /v1/clusters/:cluster/nodes/:id/drain',
    'POST /v1/config/reload',
  ]);
  assert.ok(having('read').every((route) => route.startsWith('GET ')));
  assert.ok(having('operate').every((route) => !route.startsWith('GET ')));
});

test('every route asks for a token when the request has none, except the probes', async (t) => {
  const rig = await startControl(t);
  const routes = await apiRoutes();
  assert.ok(routes.length > 25);
  for (const { method, url, needs } of routes) {
    const { status, headers } = await rig.call(method, concrete(url), { headers: { authorization: '' } });
    const name = `${method} ${url}`;
    if (typeof needs === 'string') {
      assert.equal(status, 401, name);
      assert.match(String(headers['www-authenticate']), /^Bearer/, name);
      assert.equal(headers.connection, 'close', name);
    } else {
      assert.notEqual(status, 401, name);
    }
  }
  const open = routes.filter(({ needs }) => typeof needs !== 'string').map(({ url }) => url);
  assert.deepEqual(new Set(open), new Set(['/livez', '/readyz', '/metrics']));
});

test('every route refuses a role that is too small with the one that it needs, and no other', async (t) => {
  const rig = await withRoles(t);
  const byRank = [...roleNames];
  for (const { method, url, needs } of await apiRoutes()) {
    if (typeof needs !== 'string' || url === '/v1/stream') continue;
    for (const role of byRank) {
      // A body that no route takes: nothing changes, and who may is told apart from who may not.
      const body = method === 'GET' || method === 'HEAD' ? {} : { body: { nonsense: true } };
      const answer = await rig.call(method, concrete(url), { ...body, ...bearer(tokenOf(role)) });
      const name = `${method} ${url} by ${role}`;
      if (byRank.indexOf(role) >= byRank.indexOf(needs)) {
        assert.ok(![401, 403].includes(answer.status), `${name}: ${answer.status}`);
        continue;
      }
      assert.equal(answer.status, 403, name);
      if (method === 'HEAD') continue;
      assert.deepEqual([answer.json.code, answer.json.requiredRole], ['forbidden_role', needs], name);
      assert.equal(answer.json.detail, `This needs the role ${needs}; ${role}er has ${role}.`);
    }
  }
});

test('setting a freeze aside is for admins, on every route that can', async (t) => {
  const rig = await withRoles(t);
  const operator = bearer(tokenOf('operate'));
  assert.equal((await rig.call('PUT', '/v1/freeze', { body: { frozen: true }, ...operator })).status, 200);
  for (const [method, path, body] of [
    ['PUT', '/v1/split', { y: 5 }],
    ['POST', '/v1/rollout/resume', {}],
    ['POST', '/v1/rollout/unpark', { route: 'users' }],
  ] as const) {
    const answer = await rig.call(method, path, { body: { ...body, override: true }, ...operator });
    assert.deepEqual([answer.status, answer.json.requiredRole], [403, 'admin'], path);
  }
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 5 }, ...operator })).status, 409);
  const admin = bearer(tokenOf('admin'));
  const made = await rig.call('PUT', '/v1/split', { body: { y: 5, override: true }, ...admin });
  assert.equal(made.status, 200);
});

test('a path that does not exist asks for a token as well', async (t) => {
  const rig = await startControl(t);
  assert.equal((await rig.call('GET', '/nope', { headers: { authorization: '' } })).status, 401);
  assert.equal((await rig.call('GET', '/nope')).status, 404);
  assert.equal((await rig.call('DELETE', '/livez', { headers: { authorization: '' } })).status, 401);
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

test('tokens are compared in constant time with each that there is, over digests of equal length', async (t) => {
  const rig = await withRoles(t);
  const compare = mock.method(crypto, 'timingSafeEqual');
  t.after(() => compare.mock.restore());
  for (const given of ['short', 'a-much-longer-token-than-any-that-there-is', tokenOf('read')]) {
    compare.mock.resetCalls();
    await rig.call('GET', '/v1/status', bearer(given));
    assert.equal(compare.mock.callCount(), roleNames.length, given);
    for (const { arguments: compared } of compare.mock.calls)
      assert.deepEqual(
        compared.map((digest) => digest.byteLength),
        [32, 32],
      );
  }
});

test('a bearer token is read from a well-formed header only', () => {
  assert.equal(bearerTokenOf('Bearer abc'), 'abc');
  assert.equal(bearerTokenOf('BEARER   a.b-c_~+/='), 'a.b-c_~+/=');
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer a b', 'Basic abc', ' Bearer a']) {
    assert.equal(bearerTokenOf(header), null, String(header));
  }
});

test('the record names the token and not what a client says, which stands behind it', async (t) => {
  const rig = await withRoles(t);
  const by = (name: string, role: Role, actor?: string) =>
    rig.call('PUT', '/v1/freeze', {
      body: { frozen: true, reason: name, ...(actor === undefined ? {} : { actor }) },
      headers: {
        authorization: `Bearer ${tokenOf(role)}`,
        ...(name === '' ? {} : { 'x-crossover-actor': name }),
      },
    });
  await by('', 'operate');
  await by('Ada', 'operate');
  await by('Ada', 'admin', 'Eve');
  await rig.call('POST', '/v1/rollout/advance', { body: {}, ...bearer(tokenOf('operate')) });
  const { events } = (await rig.call('GET', '/v1/events', bearer(tokenOf('read')))).json;
  const actors = events
    .filter(({ name }: { name: string }) => name === 'frozen' || name === 'command-refused')
    .map(({ actor }: { actor: string }) => actor);
  assert.deepEqual(actors, [
    'operateer (127.0.0.1)',
    'operateer (for Ada, 127.0.0.1)',
    'adminer (for Eve, 127.0.0.1)',
    'operateer (127.0.0.1)',
  ]);
});

test('the configured token is that of an admin named token', async (t) => {
  const rig = await startControl(t);
  await rig.call('PUT', '/v1/split', { body: { y: 1, override: true } });
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const set = events.find(({ name }: { name: string }) => name === 'rollout-split-set');
  assert.equal(set.actor, 'token (127.0.0.1)');
});

test('tokens are read again when their file changes, by content, and a file that makes no sense is refused', async (t) => {
  const rig = await withRoles(t);
  const status = async (given: string) => (await rig.call('GET', '/v1/status', bearer(given))).status;
  writeFileSync(rig.file, `alice admin sha256:${hashOf('the-next-token-of-alice')}\n`);
  await untilTold(rig, 'tokens-reloaded');
  assert.deepEqual([await status('the-next-token-of-alice'), await status(tokenOf('admin'))], [200, 401]);
  writeFileSync(rig.file, 'alice admin\n');
  await untilTold(rig, 'tokens-refused');
  assert.equal(await status('the-next-token-of-alice'), 200, 'the old ones stay');
  writeFileSync(rig.file, `alice read another-token-of-alice\n`);
  chmodSync(rig.file, 0o644);
  await untilTold(rig, 'tokens-refused', 2);
  assert.deepEqual(
    [await status('the-next-token-of-alice'), await status('another-token-of-alice')],
    [200, 401],
  );
  chmodSync(rig.file, 0o600);
  await untilTold(rig, 'tokens-reloaded', 2);
  assert.deepEqual(
    [await status('the-next-token-of-alice'), await status('another-token-of-alice')],
    [401, 200],
  );
  const { events } = (await rig.call('GET', '/v1/events', bearer('another-token-of-alice'))).json;
  const told = events
    .filter(({ name }: { name: string }) => name.startsWith('tokens-'))
    .map(({ text }: { text: string }) => text.replaceAll(rig.file, 'FILE'));
  assert.deepEqual(told, [
    'The tokens of the control API were read again: alice.',
    'The file of tokens is not used, those read before stay: FILE: line 1: expected a name, a role and a token or sha256:HASH.',
    'The file of tokens is not used, those read before stay: FILE: others can read it (mode 0644): chmod 600.',
    'The tokens of the control API were read again: alice.',
  ]);
});

test('a token is made for this user when none is configured, and is the same after a restart', async (t) => {
  const folder = join(tempFolder(t), 'data');
  const database = join(folder, 'crossover.db');
  const first = await startControl(t, { token: null, database });
  const file = join(folder, 'control-token');
  const made = readFileSync(file, 'utf8').trim();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(Buffer.from(made, 'base64url').byteLength, 32);
  assert.equal((await first.call('GET', '/v1/status')).status, 401);
  assert.equal((await first.call('GET', '/v1/status', bearer(made))).status, 200);
  const set = await first.call('PUT', '/v1/split', { body: { y: 1 }, ...bearer(made) });
  assert.equal(set.status, 200);
  await first.stop();
  const second = await startControl(t, { token: null, database });
  const { events } = (await second.call('GET', '/v1/events', bearer(made))).json;
  const names = events.map(({ name }: { name: string }) => name);
  assert.equal(names.filter((name: string) => name === 'control-token-made').length, 1);
  const by = events.find(({ name }: { name: string }) => name === 'rollout-split-set').actor;
  assert.equal(by, 'local (127.0.0.1)');
  assert.ok(!JSON.stringify(events).includes(made), 'no event has the token');
});

test('a made token that others could have read is replaced', async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'control-token');
  const old = 'x'.repeat(43);
  for (const [text, mode] of [
    [old, 0o644],
    ['', 0o600],
    ['too short', 0o600],
  ] as const) {
    writeFileSync(file, text);
    chmodSync(file, mode);
    const rig = await startControl(t, { token: null, database: join(folder, 'crossover.db') });
    const made = readFileSync(file, 'utf8').trim();
    assert.deepEqual([made.length, made !== old, statSync(file).mode & 0o777], [43, true, 0o600]);
    assert.equal((await rig.call('GET', '/v1/status', bearer(made))).status, 200);
    if (text !== '')
      assert.equal((await rig.call('GET', '/v1/status', bearer(text.replace(' ', '-')))).status, 401);
    await rig.stop();
  }
});

test('a made token is elsewhere when there is no place for it beside the store', async (t) => {
  const runtimeFolder = tempFolder(t);
  const folder = tempFolder(t);
  mkdirSync(join(folder, 'control-token'));
  const rig = await startControl(t, { token: null, database: join(folder, 'crossover.db'), runtimeFolder });
  const file = join(runtimeFolder, `${process.pid}.token`);
  const made = readFileSync(file, 'utf8').trim();
  assert.equal((await rig.call('GET', '/v1/status', bearer(made))).status, 200);
  const announced = JSON.parse(readFileSync(join(runtimeFolder, `${process.pid}.json`), 'utf8'));
  assert.deepEqual([announced.tokenFile, announced.control[0].url], [file, rig.url]);
  await rig.stop();
  assert.equal(existsSync(file), false);
});

test('no token is made when one is configured', async (t) => {
  const rig = await startControl(t);
  assert.equal(existsSync(join(dirname(rig.database), 'control-token')), false);
});

test('a socket that only its owner can open needs no token, and another says what it gives', async (t) => {
  const folder = tempFolder(t);
  const status = (name: string, path: string, given?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = given === undefined ? {} : { authorization: `Bearer ${given}` };
      const asked = request(
        {
          socketPath: join(folder, name),
          path,
          headers,
          method: path.startsWith('/v1/config') ? 'POST' : 'GET',
        },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.on('error', reject).end();
    });
  const sockets = [
    '{ socket: FOLDER/owner }',
    '{ socket: FOLDER/group, mode: "0660" }',
    '{ socket: FOLDER/readers, mode: "0666", role: read }',
  ];
  const listen = `[127.0.0.1:0, ${sockets.join(', ')}]`.replaceAll('FOLDER', folder);
  await startControl(t, { control: listen });
  const all = async (name: string, given?: string) => [
    await status(name, '/livez', given),
    await status(name, '/v1/status', given),
    await status(name, '/v1/config/reload', given),
  ];
  assert.deepEqual(await all('owner'), [200, 200, 200]);
  assert.deepEqual(await all('group'), [200, 401, 401]);
  assert.deepEqual(await all('group', controlToken), [200, 200, 200]);
  assert.deepEqual(await all('readers'), [200, 200, 403]);
  assert.deepEqual(await all('owner', 'a-wrong-token'), [200, 401, 401], 'a token that is shown counts');
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

test('requests under our own addresses, private names and those that are configured are served', async (t) => {
  const rig = await startControl(t, {
    token: null,
    yaml: `control: { token: ${token}, url: "https://crossover.example.com/ui", hosts: [LB.example.net] }`,
  });
  for (const host of [
    '127.0.0.1',
    'localhost:1',
    '[::1]:9900',
    '10.1.2.3',
    'crossover:9900',
    'crossover.kong.svc',
    'lb.internal',
    'crossover.example.com',
    'lb.example.net:8443',
  ]) {
    const headers = [`Host: ${host}`, `Authorization: Bearer ${token}`];
    assert.equal(await rawStatus(rig.url, 'GET', '/v1/status', headers), 200, host);
  }
});

test('requests from another origin are refused on every route, by scheme, host and port', async (t) => {
  const rig = await startControl(t);
  const { port } = new URL(rig.url);
  const others = [
    'https://evil.example',
    'null',
    rig.url.replace('127.0.0.1', 'localhost'),
    rig.url.replace('http:', 'https:'),
    rig.url.replace(port, String(Number(port) - 1)),
    'http://127.0.0.1',
  ];
  for (const { method, url } of await apiRoutes()) {
    for (const origin of others) {
      const { status } = await rig.call(method, concrete(url), { headers: { origin } });
      assert.equal(status, 403, `${method} ${url} ${origin}`);
    }
  }
});

test('the origin of the page at control.url is our own', async (t) => {
  const rig = await startControl(t, { publicUrl: 'https://crossover.example.com/ui' });
  const from = async (origin: string) =>
    (await rig.call('GET', '/v1/status', { headers: { origin } })).status;
  assert.equal(await from('https://crossover.example.com'), 200);
  assert.equal(await from('http://crossover.example.com'), 403);
  assert.equal(await from('https://crossover.example.com:8443'), 403);
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

test('changes are JSON: another type is refused with or without a body, and none at all from a browser', async (t) => {
  const rig = await startControl(t);
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonp',
  ])
    for (const body of ['{"reason": "x"}', undefined]) {
      const answer = await rig.call('POST', '/v1/rollout/revert', {
        ...(body === undefined ? {} : { body }),
        headers: { 'content-type': type },
      });
      assert.deepEqual([answer.status, answer.json.code], [415, 'unsupported_media_type'], `${type} ${body}`);
    }
  assert.equal(
    (await rig.call('POST', '/v1/rollout/revert')).status,
    200,
    'a command line may leave the body out',
  );
  for (const headers of [{ origin: rig.url }, { 'sec-fetch-site': 'same-origin' }])
    assert.equal((await rig.call('POST', '/v1/rollout/revert', { headers })).status, 415);
});

/** Sends a request with headers of our choice, which fetch would not let us set, and returns the status. */
async function rawStatus(url: string, method: string, path: string, headers: string[]): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(data.toString('latin1').slice(9, 12));
}
