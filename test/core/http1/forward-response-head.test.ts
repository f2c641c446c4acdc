import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader } from '#src/core/http1/framing.ts';
import { forwardResponse, parseResponse } from './codec-samples.ts';

const response = (line: string, ...fields: string[]): string => [line, ...fields, '', ''].join('\r\n');

describe('forwarded status line (RFC 9112 4)', () => {
  it('status line keeps code and reason and says HTTP/1.1', () => {
    assert.deepEqual(forwardResponse(response('HTTP/1.0 404 Not \xfcber', 'A: b')), [
      'HTTP/1.1 404 Not \xfcber',
      'A: b',
    ]);
    assert.deepEqual(forwardResponse(response('HTTP/1.1 299 Odd', 'A: b')), ['HTTP/1.1 299 Odd', 'A: b']);
    assert.deepEqual(forwardResponse(response('HTTP/1.0 200')), ['HTTP/1.1 200 ']);
    assert.deepEqual(forwardResponse(response('HTTP/1.1 200', 'A: b')), ['HTTP/1.1 200 ', 'A: b']);
    assert.deepEqual(forwardResponse(response('HTTP/1.1 200 ')), ['HTTP/1.1 200 ']);
  });
});

describe('forwarded response fields (RFC 9110 7.6.1)', () => {
  it('Upgrade stays, named by Connection, when the status is 426 and the client speaks HTTP/1.1', () => {
    const text = response(
      'HTTP/1.1 426 Upgrade Required',
      'Upgrade: TLS/1.3',
      'Connection: Upgrade',
      'Content-Length: 0',
    );
    const sent = (minor: 0 | 1, connection: ConnectionHeader): string[] => {
      const { bytes, head } = parseResponse(text, false, false);
      const out = Buffer.alloc(512);
      const end = encodeResponseHead(bytes, head, out, 0, minor, connection, false);
      return out.toString('latin1', 0, end).split('\r\n').slice(1, -2);
    };
    assert.deepEqual(sent(1, ConnectionHeader.none), [
      'Upgrade: TLS/1.3',
      'Content-Length: 0',
      'Connection: Upgrade',
    ]);
    assert.equal(sent(1, ConnectionHeader.close).at(-1), 'Connection: close, Upgrade');
    assert.deepEqual(sent(0, ConnectionHeader.close), ['Content-Length: 0', 'Connection: close']);
  });

  it('a framing field reaches the client without the tabs around it, and a higher version as 1.1', () => {
    const text = response('HTTP/1.4 200 OK', 'A: b', 'Transfer-Encoding:\tchunked\t', 'C:\td');
    assert.deepEqual(forwardResponse(text), [
      'HTTP/1.1 200 OK',
      'A: b',
      'Transfer-Encoding: chunked',
      'C:\td',
    ]);
  });

  it('fields are the same and in order when nothing is dropped', () => {
    const fields = [
      'A:b',
      'Set-Cookie: 1',
      'Set-Cookie: 2',
      'X-Request-Id: x',
      'X-Forwarded-For: y',
      'Content-Length: 5',
    ];
    assert.deepEqual(forwardResponse(response('HTTP/1.1 200 OK', ...fields)), ['HTTP/1.1 200 OK', ...fields]);
  });

  it('fields of this connection and what Connection names are dropped', () => {
    const text = response(
      'HTTP/1.1 200 OK',
      'Keep-Alive: 5',
      'A: b',
      'Connection: close, X-Hop, Content-Length',
      'X-Hop: 1',
      'Upgrade: h2c',
      'Proxy-Connection: x',
      'C: d',
      'Content-Length: 5',
    );
    assert.deepEqual(forwardResponse(text), ['HTTP/1.1 200 OK', 'A: b', 'C: d', 'Content-Length: 5']);
  });

  it('Connection line is added as the caller says', () => {
    const text = response('HTTP/1.1 200 OK', 'Content-Length: 5', 'Connection: x');
    const last = (connection: ConnectionHeader): string | undefined =>
      forwardResponse(text, connection).at(-1);
    assert.equal(last(ConnectionHeader.none), 'Content-Length: 5');
    assert.equal(last(ConnectionHeader.close), 'Connection: close');
    assert.equal(last(ConnectionHeader.keepAlive), 'Connection: keep-alive');
  });

  it('101 keeps its protocol when the connection becomes a tunnel', () => {
    const text = response(
      'HTTP/1.1 101 Switching Protocols',
      'connection: upgrade, x-hop',
      'Upgrade: websocket',
      'X-Hop: 1',
      'Sec-WebSocket-Accept: k',
    );
    assert.deepEqual(forwardResponse(text, ConnectionHeader.upgrade), [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Sec-WebSocket-Accept: k',
      'Connection: Upgrade',
    ]);
  });

  it('interim response is forwarded like any other', () => {
    const text = response('HTTP/1.1 103 Early Hints', 'Link: </a>', 'Connection: x');
    assert.deepEqual(forwardResponse(text), ['HTTP/1.1 103 Early Hints', 'Link: </a>']);
  });
});

describe('forwarded framing (RFC 9112 6.1, RFC 9110 8.6)', () => {
  const chunked = response('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'A: b', 'Trailer: X-Sum');

  it('Transfer-Encoding and Trailer are dropped when the body goes out without chunks', () => {
    assert.deepEqual(forwardResponse(chunked), [
      'HTTP/1.1 200 OK',
      'Transfer-Encoding: chunked',
      'A: b',
      'Trailer: X-Sum',
    ]);
    assert.deepEqual(forwardResponse(chunked, ConnectionHeader.close, true), [
      'HTTP/1.1 200 OK',
      'A: b',
      'Connection: close',
    ]);
  });

  it('Transfer-Encoding never reaches a client that speaks HTTP/1.0', () => {
    assert.deepEqual(forwardResponse(chunked, ConnectionHeader.none, false, 0), ['HTTP/1.1 200 OK', 'A: b']);
  });

  it('framing fields are dropped when the status allows no body, but kept on 304', () => {
    assert.deepEqual(forwardResponse(response('HTTP/1.1 204 No', 'Content-Length: 5', 'A: b')), [
      'HTTP/1.1 204 No',
      'A: b',
    ]);
    assert.deepEqual(forwardResponse(response('HTTP/1.1 204 No', 'Transfer-Encoding: chunked')), [
      'HTTP/1.1 204 No',
    ]);
    assert.deepEqual(forwardResponse(response('HTTP/1.1 304 No', 'Content-Length: 5')), [
      'HTTP/1.1 304 No',
      'Content-Length: 5',
    ]);
  });
});

describe('a Date', () => {
  const dateLine = Buffer.from('Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
  const forwarded = (text: string): string => {
    const { bytes, head } = parseResponse(text);
    const out = Buffer.alloc(1_000);
    return out.toString('latin1', 0, encodeResponseHead(bytes, head, out, 0, 1, 0, false, dateLine));
  };

  it('is added to a final response that came without one, and to no other', () => {
    assert.equal(
      forwarded(response('HTTP/1.1 200 OK', 'A: b')),
      response('HTTP/1.1 200 OK', 'A: b', dateLine.toString().trim()),
    );
    for (const text of [
      response('HTTP/1.1 200 OK', 'DATE: Mon, 07 Nov 1994 08:49:37 GMT', 'A: b'),
      response('HTTP/1.1 103 Early Hints', 'A: b'),
    ])
      assert.equal(forwarded(text), text);
  });
});

describe('room', () => {
  it('nothing is written behind the end when the room is too small', () => {
    const { bytes, head } = parseResponse(response('HTTP/1.1 200', 'A: b'));
    let fitted = false;
    for (let room = 0; room < 200; room++) {
      const out = Buffer.alloc(room + 8, 0xaa);
      const end = encodeResponseHead(
        bytes,
        head,
        out.subarray(0, room),
        0,
        1,
        ConnectionHeader.keepAlive,
        false,
      );
      assert.ok(end === -1 || end <= room);
      assert.deepEqual(out.subarray(room), Buffer.alloc(8, 0xaa));
      fitted ||= end > 0;
    }
    assert.ok(fitted);
  });
});
