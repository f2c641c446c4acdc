import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeRequestHead } from '#src/core/http1/forward-request-head.ts';
import { bytesOf, forwardRequest, parseRequest, textOf, trusted, untrusted } from './codec-samples.ts';

const id = '0123456789abcdef0123456789abcdef';
const forwarded = [
  'X-Forwarded-For: 192.0.2.1',
  'X-Real-IP: 192.0.2.1',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Port: 8000',
];
const tail = ['X-Forwarded-Host: a', 'Via: 1.1 crossover', `X-Request-Id: ${id}`];
const added = [...forwarded, ...tail];

const get = (...fields: string[]): string => ['GET /p?q HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n');

/** The forwarded lines that are not added to every request. */
const kept = (text: string, additions = untrusted()): string[] =>
  forwardRequest(text, additions).filter((line) => !added.includes(line));

describe('forwarded request line (RFC 9112 3)', () => {
  it('request is the same byte for byte but for what is added when nothing is dropped', () => {
    const fields = ['A:b', 'X_y: \xe9', 'C: \t d \t', 'Empty:', 'Via: 1.1 other', 'Expect: 100-continue'];
    assert.deepEqual(forwardRequest(get(...fields)), ['GET /p?q HTTP/1.1', 'Host: a', ...fields, ...added]);
  });

  it('a higher minor version goes upstream as 1.1, octets of the target as they came', () => {
    assert.equal(forwardRequest('GET /\xe9?\x80 HTTP/1.7\r\nHost: a\r\n\r\n')[0], 'GET /\xe9?\x80 HTTP/1.1');
  });

  it('framing fields go upstream without the tabs around them', () => {
    const line = (field: string): string | undefined =>
      forwardRequest(`POST / HTTP/1.1\r\nHost: a\r\n${field}\r\nX:\ty\t\r\n\r\n`)[2];
    assert.equal(line('transfer-encoding:\tChunked \t'), 'transfer-encoding: Chunked');
    assert.equal(line('Content-Length:5\t'), 'Content-Length: 5');
    assert.equal(line('Content-Length:  5 '), 'Content-Length:  5 ');
  });

  it('Max-Forwards is one less when the method is TRACE or OPTIONS', () => {
    const line = (method: string, value: string): string | undefined =>
      forwardRequest(`${method} / HTTP/1.1\r\nHost: a\r\nmax-forwards: ${value}\r\nB: c\r\n\r\n`)[2];
    assert.equal(line('TRACE', '10'), 'Max-Forwards: 9');
    assert.equal(line('OPTIONS', '1'), 'Max-Forwards: 0');
    assert.equal(line('OPTIONS', '10000'), 'Max-Forwards: 9999');
    assert.equal(line('OPTIONS', '99999999'), 'Max-Forwards: 65534');
    assert.equal(line('GET', '10'), 'max-forwards: 10');
  });

  it('leading blank lines are not forwarded', () => {
    assert.equal(forwardRequest(`\r\n\r\n${get()}`)[0], 'GET /p?q HTTP/1.1');
  });

  it('absolute-form becomes origin-form and its authority replaces Host where Host stood', () => {
    const line = (target: string, method = 'GET'): string[] =>
      forwardRequest(`${method} ${target} HTTP/1.1\r\nA: b\r\nhost: old\r\nC: d\r\n\r\n`).slice(0, 4);
    assert.deepEqual(line('http://t:80/p?q'), ['GET /p?q HTTP/1.1', 'A: b', 'Host: t:80', 'C: d']);
    assert.equal(line('http://t')[0], 'GET / HTTP/1.1');
    assert.equal(line('http://t?q')[0], 'GET /?q HTTP/1.1');
    assert.equal(line('http://t', 'OPTIONS')[0], 'OPTIONS * HTTP/1.1');
    assert.equal(line('http://t/', 'OPTIONS')[0], 'OPTIONS / HTTP/1.1');
    assert.equal(line('http://t', 'OPTIONX')[0], 'OPTIONX / HTTP/1.1');
  });

  it('asterisk-form stays when the method is OPTIONS', () => {
    assert.equal(forwardRequest('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')[0], 'OPTIONS * HTTP/1.1');
  });

  it('HTTP/1.0 goes upstream as HTTP/1.1 with a Host, and Via tells', () => {
    const lines = forwardRequest('GET /p HTTP/1.0\r\nA: b\r\n\r\n');
    assert.deepEqual(lines.slice(0, 3), ['GET /p HTTP/1.1', 'Host: localhost', 'A: b']);
    assert.ok(lines.includes('Via: 1.0 crossover'));
    assert.ok(!lines.some((line) => line.startsWith('X-Forwarded-Host')));
    const absolute = forwardRequest('GET http://t/p HTTP/1.0\r\nA: b\r\n\r\n');
    assert.deepEqual(absolute.slice(0, 3), ['GET /p HTTP/1.1', 'Host: t', 'A: b']);
    assert.deepEqual(forwardRequest('GET /p HTTP/1.0\r\nHost: a\r\n\r\n').slice(0, 2), [
      'GET /p HTTP/1.1',
      'Host: a',
    ]);
  });

  it('Expect is not forwarded when it came with HTTP/1.0, where it means nothing', () => {
    const lines = forwardRequest(
      'POST / HTTP/1.0\r\nHost: a\r\nExpect: 10-continue\r\nContent-Length: 1\r\n\r\n',
    );
    assert.ok(!lines.some((line) => line.startsWith('Expect')));
  });
});

describe('hop-by-hop fields (RFC 9110 7.6.1)', () => {
  it('fields of this connection are dropped wherever they stand', () => {
    const text = get(
      'Connection: keep-alive',
      'A: b',
      'keep-alive: 5',
      'Proxy-Connection: x',
      'C: d',
      'TE: trailers',
      'UPGRADE: x',
    );
    assert.deepEqual(kept(text), ['GET /p?q HTTP/1.1', 'Host: a', 'A: b', 'C: d']);
  });

  it('fields that Connection names are dropped, in any of its lines and in any case', () => {
    const text = get(
      'X-One: 1',
      'Connection: x-one ,,\tX-TWO',
      'x-two: 2',
      'Connection: X-Three',
      'X-Three: 3',
      'X-Three: 4',
      'X-On: 5',
    );
    assert.deepEqual(kept(text), ['GET /p?q HTTP/1.1', 'Host: a', 'X-On: 5']);
  });

  it('framing, Host and Content fields stay when Connection names them', () => {
    const fields = ['Content-Length: 5', 'Content-Type: a/b', 'Content-X: c'];
    const text = get(
      'Connection: host, content-length, content-type, content-x, transfer-encoding',
      ...fields,
    );
    assert.deepEqual(kept(text), ['GET /p?q HTTP/1.1', 'Host: a', ...fields]);
    const chunked = get('Transfer-Encoding: chunked', 'Connection: transfer-encoding');
    assert.deepEqual(kept(chunked), ['GET /p?q HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked']);
  });

  it('upgrade keeps its protocol and gets its own Connection line', () => {
    const text = get(
      'Connection: keep-alive, Upgrade, X-Hop',
      'Upgrade: websocket',
      'X-Hop: 1',
      'Sec-WebSocket-Key: k',
    );
    assert.deepEqual(kept(text), [
      'GET /p?q HTTP/1.1',
      'Host: a',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: k',
      'Connection: Upgrade',
    ]);
  });

  it('upgrade to h2c goes on as an ordinary request', () => {
    const text = get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x');
    assert.deepEqual(kept(text), ['GET /p?q HTTP/1.1', 'Host: a']);
  });

  it('override header is dropped when it is configured, and only it', () => {
    const additions = untrusted();
    additions.overrideHeader = bytesOf('x-crossover-cluster');
    const text = get('X-Crossover-Cluster: y', 'A: b', 'X-Crossover-Cluster2: z');
    assert.deepEqual(kept(text, additions), [
      'GET /p?q HTTP/1.1',
      'Host: a',
      'A: b',
      'X-Crossover-Cluster2: z',
    ]);
    assert.deepEqual(kept(get('X-Crossover-Cluster: y')), [
      'GET /p?q HTTP/1.1',
      'Host: a',
      'X-Crossover-Cluster: y',
    ]);
  });
});

describe('forwarding fields of peers that are not trusted', () => {
  it('forwarding fields are replaced when the client sends its own', () => {
    const spoofed = [
      'X-Forwarded-For: 6.6.6.6',
      'x-forwarded-host: evil',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Prefix: /x',
      'X-Forwarded-Path: /y',
      'Forwarded: for=6',
      'X-REAL-IP: 6.6.6.6',
      'X-Request-Id: mine',
      'Kong-Debug: 1',
    ];
    assert.deepEqual(forwardRequest(get(...spoofed)), ['GET /p?q HTTP/1.1', 'Host: a', ...added]);
  });
});

describe('forwarding fields of trusted proxies', () => {
  it('X-Forwarded-For is extended in its last line, the others are kept', () => {
    const fields = [
      'X-Forwarded-For: 1.1.1.1',
      'x-forwarded-for: 2.2.2.2 ',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 443',
      'X-Forwarded-Host: outer',
      'X-Real-IP: 1.1.1.1',
      'Forwarded: for=1',
      'X-Forwarded-Prefix: /x',
      'Kong-Debug: 1',
    ];
    const expected = [...fields];
    expected[1] = 'x-forwarded-for: 2.2.2.2, 192.0.2.1';
    assert.deepEqual(forwardRequest(get(...fields), trusted()), [
      'GET /p?q HTTP/1.1',
      'Host: a',
      ...expected,
      'Via: 1.1 crossover',
      `X-Request-Id: ${id}`,
    ]);
  });

  it('what the proxy did not say is added', () => {
    assert.deepEqual(forwardRequest(get('X-Forwarded-For:', 'A: b'), trusted()), [
      'GET /p?q HTTP/1.1',
      'Host: a',
      'X-Forwarded-For:192.0.2.1',
      'A: b',
      'X-Real-IP: 192.0.2.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Port: 8000',
      ...tail,
    ]);
    assert.deepEqual(forwardRequest(get(), trusted()), ['GET /p?q HTTP/1.1', 'Host: a', ...added]);
  });

  it('what Connection takes away counts as not said', () => {
    const text = get(
      'X-Forwarded-For: 1.1.1.1',
      'X-Forwarded-Proto: https',
      'Connection: x-forwarded-for, x-forwarded-proto',
    );
    assert.deepEqual(forwardRequest(text, trusted()), ['GET /p?q HTTP/1.1', 'Host: a', ...added]);
  });

  it('X-Request-Id is kept when it is one valid id, made else', () => {
    const forwardedId = (...lines: string[]): string | undefined =>
      forwardRequest(get(...lines), trusted())
        .at(-1)
        ?.slice('X-Request-Id: '.length);
    const valid = 'aZ09._~:+/=-';
    assert.equal(forwardedId(`x-request-id: ${valid}`), valid);
    assert.equal(forwardedId(`X-Request-Id: ${'a'.repeat(128)}`), 'a'.repeat(128));
    for (const refused of ['', 'a b', 'a"b', 'a\xe9', 'a,b', 'a\tb', 'a'.repeat(129)]) {
      assert.equal(forwardedId(`X-Request-Id: ${refused}`), id, refused);
    }
    assert.equal(forwardedId('X-Request-Id: a', 'X-Request-Id: a'), id);
    assert.equal(forwardedId('X-Request-Id: a', 'A: b', 'X-Request-Id: a', 'X-Request-Id: a'), id);
  });

  it('position of the forwarded request id is told whether it was kept or made', () => {
    for (const [additions, expected] of [
      [untrusted(), id],
      [trusted(), 'kept'],
    ] as const) {
      const { bytes, head } = parseRequest(get('X-Request-Id: kept', 'A: b'));
      const out = Buffer.alloc(1000);
      assert.ok(encodeRequestHead(bytes, head, out, 11, additions) > 0);
      assert.equal(textOf(out, additions.keptRequestIdStart, additions.keptRequestIdEnd), expected);
    }
  });
});

describe('room', () => {
  it('nothing is written behind the end when the room is too small', () => {
    const { bytes, head } = parseRequest(get('Connection: close', 'X-Forwarded-For: 1.1.1.1'));
    for (const additions of [untrusted(), trusted()]) {
      let needed = 0;
      for (let room = 0; room < 1000 && needed === 0; room++) {
        const out = Buffer.alloc(room + 8, 0xaa);
        const end = encodeRequestHead(bytes, head, out.subarray(0, room), 0, additions);
        assert.ok(end === -1 || end <= room);
        assert.deepEqual(out.subarray(room), Buffer.alloc(8, 0xaa));
        if (end > 0) needed = end;
      }
      assert.ok(needed > 0);
    }
  });
});
