import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { refusalOf } from '#src/config/address-guard.ts';
import { OutgoingClient } from '#src/control-plane/outgoing/outgoing-client.ts';
import { parseCidr } from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';
import { outgoingAnswerBytesMax } from '#src/limits.ts';
import { hangMs } from '../../support/until.ts';
import { httpPeer } from '../support/http-peer.ts';

const blocks = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text) as Cidr);
const loopback = blocks('127.0.0.0/8', '::1/128');

function clientFor(t: TestContext, allowed: readonly Cidr[] = loopback): OutgoingClient {
  const client = new OutgoingClient(() => allowed);
  t.after(() => client.close());
  return client;
}

const get = (client: OutgoingClient, url: string, timeoutMs = hangMs) =>
  client.send({ method: 'GET', url, timeoutMs });

async function reasonFor(client: OutgoingClient, url: string, timeoutMs?: number): Promise<string> {
  const answer = await get(client, url, timeoutMs);
  assert.ok(!answer.ok, JSON.stringify(answer));
  return answer.reason;
}

const never = [
  'http://169.254.169.254/latest/meta-data/',
  'http://[fe80::1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[fd00:ec2::254]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://0.0.0.0/',
  'http://[::]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
];
for (const url of never) {
  test(`${url} is never called, even when everything is allowed`, async (t) => {
    const client = clientFor(t, blocks('0.0.0.0/0', '::/0'));
    assert.match(await reasonFor(client, url), /link-local or reserved, which is never called/);
  });
}

const guarded = [
  'http://127.0.0.1:1/',
  'http://127.1/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.0.1/',
  'http://100.64.0.1/',
  'http://[fd00::1]/',
  'http://localhost/',
];
for (const url of guarded) {
  test(`${url} is not called when it is not in the allow list`, async (t) => {
    assert.match(await reasonFor(clientFor(t, []), url), /that outgoing\.allow does not list$/);
  });
}

test('a public address may be called when nothing is listed', () => {
  assert.equal(refusalOf('93.184.216.34', []), null);
  assert.equal(refusalOf('2606:2800:220:1::1', []), null);
  assert.equal(refusalOf('172.32.0.1', []), null);
});

test('what is no URL is not called, and breaks nothing', async (t) => {
  assert.match(await reasonFor(clientFor(t), 'http://a%20b/'), /is not a URL$/);
});

test('only http and https are called', async (t) => {
  assert.match(await reasonFor(clientFor(t), 'file:///etc/passwd'), /file: URLs are not called/);
});

test('a redirect is an answer like any other and is not followed', async (t) => {
  const inner = await httpPeer(t);
  const outer = await httpPeer(t, { status: 302, headers: { location: inner.url } });
  const answer = await get(clientFor(t), outer.url);
  assert.deepEqual([answer.ok && answer.status, inner.received.length], [302, 0]);
});

test('a name is called at the address that was checked', async (t) => {
  const peer = await httpPeer(t, { status: 200, body: 'here' });
  const answer = await get(clientFor(t), `http://localhost:${peer.port}/`);
  assert.deepEqual(answer, { ok: true, status: 200, text: 'here' });
});

test('an answer beyond the limit is given up', async (t) => {
  const peer = await httpPeer(t, { status: 200, body: 'x'.repeat(outgoingAnswerBytesMax) });
  const client = clientFor(t);
  assert.equal((await get(client, peer.url)).ok, true);
  peer.answer = { status: 200, body: 'x'.repeat(outgoingAnswerBytesMax + 1) };
  assert.match(await reasonFor(client, peer.url), /answered more than 64 KiB$/);
  peer.answer = {
    status: 200,
    body: 'x'.repeat(outgoingAnswerBytesMax + 1),
    headers: { 'transfer-encoding': 'chunked' },
  };
  assert.match(await reasonFor(client, peer.url), /answered more than 64 KiB$/);
});

test('a server that never answers is given up when the time is over, and one that stops in the middle', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (head) => {
      if (head.includes('half')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = clientFor(t);
  assert.match(await reasonFor(client, `${url}/none`, 50), /did not answer in 0.05 s$/);
  assert.match(await reasonFor(client, `${url}/half`, 50), /did not answer in 0.05 s$/);
});

test('a reason names the host and no secret', async (t) => {
  const client = clientFor(t);
  const secrets = '/services/T0SECRET?token=SECRET';
  const peer = await httpPeer(t);
  const reasons = [
    await reasonFor(client, `http://127.0.0.1:1${secrets}`),
    await reasonFor(client, `http://name.invalid${secrets}`),
    await reasonFor(client, `http://169.254.0.1${secrets}`),
    await reasonFor(client, `https://127.0.0.1:${peer.port}${secrets}`),
  ];
  for (const reason of reasons) assert.doesNotMatch(reason, /SECRET/);
  assert.match(reasons[0] ?? '', /^127\.0\.0\.1:1 refused the connection$/);
  assert.match(reasons[1] ?? '', /^name\.invalid /);
});
