// What a node may answer an active check with, byte by byte where that is the point.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { probeNode, probeRequest } from '#src/control-plane/nodes/node-probe.ts';
import { hangMs } from '../../support/until.ts';

const never = new AbortController().signal;

/** A server that does with each connection's request what it is told to; the requests that it got. */
async function node(t: TestContext, answer: (socket: Socket) => void) {
  const requests: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      requests.push(bytes.toString('latin1'));
      answer(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { requests, probe: { host: '127.0.0.1', port, path: '/status', timeoutMs: hangMs, signal: never } };
}

const answers = (text: string) => (socket: Socket) => {
  socket.end(text, 'latin1');
};

const cases: readonly [string, string, string | null][] = [
  ['200', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', null],
  ['an answer by HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n', null],
  ['404', 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno', null],
  ['500', 'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n', 'it answered 500'],
  [
    'interim answers first',
    'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    null,
  ],
  ['an interim answer alone', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'the connection was closed'],
  ['half a head', 'HTTP/1.1 200 OK\r\ncontent-le', 'the connection was closed'],
  ['nothing', '', 'the connection was closed'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'its answer is not HTTP/1.1: status line malformed'],
  ['HTTP/2 settings', '\0\0\x12\x04\0\0\0\0\0', 'its answer is not HTTP/1.1: status line malformed'],
  [
    'a head that no client would get',
    'HTTP/1.1 200 OK\r\nbad field: 1\r\n\r\n',
    'its answer is not HTTP/1.1: header field malformed',
  ],
  ['a head of 40 KiB', `HTTP/1.1 200 OK\r\nset-cookie: ${'c'.repeat(40 * 1024)}\r\n\r\n`, null],
];

for (const [name, text, expected] of cases) {
  test(`a check that gets ${name} says ${expected ?? 'that all is well'}`, async (t) => {
    const { probe } = await node(t, answers(text));
    assert.equal(await probeNode(probe), expected);
  });
}

test('a check reads an answer that comes byte by byte', async (t) => {
  const text = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';
  const { probe } = await node(t, (socket) => {
    socket.setNoDelay(true);
    let sent = 0;
    const next = () => {
      socket.write(text.slice(sent, ++sent), () => {
        if (sent < text.length) setImmediate(next);
      });
    };
    next();
  });
  assert.equal(await probeNode(probe), 'it answered 503');
});

test('a check asks as any client does, and says who it is', async (t) => {
  const { requests, probe } = await node(t, answers('HTTP/1.1 200 OK\r\n\r\n'));
  await probeNode(probe);
  const expected = [
    'GET /status HTTP/1.1',
    `host: 127.0.0.1:${probe.port}`,
    'user-agent: crossover-health',
    'connection: close',
  ];
  assert.deepEqual(requests, [`${expected.join('\r\n')}\r\n\r\n`]);
});

test('a check of an IPv6 address puts it into brackets in Host', () => {
  assert.match(probeRequest('::1', 8000, '/'), /\r\nhost: \[::1\]:8000\r\n/);
});

test('a check closes its connection once it knows', async (t) => {
  let closed = (): void => {};
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { probe } = await node(t, (socket) => {
    socket.once('close', closed);
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
  });
  assert.equal(await probeNode(probe), null);
  await isClosed;
});

test('a check that was stopped before it began does not connect', async (t) => {
  const { requests, probe } = await node(t, answers('HTTP/1.1 200 OK\r\n\r\n'));
  assert.equal(await probeNode({ ...probe, signal: AbortSignal.abort() }), 'the check was stopped');
  assert.deepEqual(requests, []);
});
