import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Framing } from '#src/core/http1/framing.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { bytesOf, limits, parseResponse, textOf, verdictOnResponse } from './codec-samples.ts';

const response = (fields: string, line = 'HTTP/1.1 200 OK'): string => `${line}\r\n${fields}\r\n`;

function expectAll(verdict: string, texts: readonly string[]): void {
  for (const text of texts) assert.equal(verdictOnResponse(text), verdict, JSON.stringify(text));
}

describe('status line (RFC 9112 4)', () => {
  it('status line is split when it is well-formed', () => {
    const { head, bytes, answer } = parseResponse(response('A: b\r\n', 'HTTP/1.0 404 Not \xfcber found'));
    assert.equal(answer, bytes.length);
    assert.deepEqual([head.status, head.minorVersion], [404, 0]);
    assert.equal(textOf(bytes, head.statusStart, head.reasonEnd), '404 Not \xfcber found');
  });

  it('reason may be empty and its space missing when the line ends', () => {
    expectAll('accepted', [response('', 'HTTP/1.1 200 '), response('', 'HTTP/1.1 200')]);
  });

  it('response head is incomplete for every shorter piece when it is valid', () => {
    const text = response('Content-Length: 0\r\n');
    for (let end = 0; end < text.length; end++) {
      assert.equal(verdictOnResponse(text.slice(0, end)), 'incomplete');
    }
  });

  it('status line is refused at its first wrong byte', () => {
    const lines = [
      '<',
      '\r\n',
      'HTTP/2 ',
      'HTTP/1.1  ',
      'HTTP/1.1 20x',
      'HTTP/1.1 2000',
      'http',
      'HTTP/1.1 200 O\rK',
    ];
    expectAll('status line malformed', [
      ...lines,
      'HTTP/1.1 200 OK\n',
      'HTTP/1.1 200\n',
      'HTTP/1.1 200\tOK',
      'HTTP/1.1 200 \x00',
    ]);
  });

  it('a minor version above 1 is treated as 1', () => {
    const { head } = parseResponse(response('', 'HTTP/1.9 200 OK'), false, false);
    assert.deepEqual([head.error, head.minorVersion], [null, 1]);
  });

  it('code is refused when it is out of range', () => {
    expectAll(
      'status code out of range',
      ['000', '099', '600', '999'].map((code) => response('', `HTTP/1.1 ${code} x`)),
    );
    expectAll(
      'accepted',
      ['100', '200', '599'].map((code) => response('', `HTTP/1.1 ${code} x`)),
    );
  });
});

describe('response fields (RFC 9112 5)', () => {
  it('fields are judged as strictly as in requests', () => {
    const lines = ['A : b', 'A: b\r\n c', 'A: b\nC: d', 'A: \x00', 'A: b\rc', 'A', ': b'];
    expectAll(
      'header field malformed',
      lines.map((line) => response(`${line}\r\n`)),
    );
  });

  it('head is refused when it has too many fields or bytes', () => {
    expectAll('too many header fields', [response('A: b\r\n'.repeat(101))]);
    expectAll('head too large', [response(`A: ${'b'.repeat(33_000)}`), `HTTP/1.1 200 ${'b'.repeat(33_000)}`]);
  });

  it("Kong's latency fields are noticed whatever their case", () => {
    const { head } = parseResponse(response('x-kong-proxy-latency: 1\r\nX-Kong-Upstream-Latency: 2\r\n'));
    assert.deepEqual(
      [head.hasKongProxyLatency, head.hasKongUpstreamLatency, head.hasKongResponseLatency],
      [true, true, false],
    );
    assert.equal(parseResponse(response('X-KONG-RESPONSE-LATENCY: 1\r\n')).head.hasKongResponseLatency, true);
  });
});

describe('response body length (RFC 9112 6.3)', () => {
  const framing = (text: string, isHead = false): number[] => {
    const { head } = parseResponse(text, isHead);
    return [head.framing, head.contentLength];
  };

  it('body is framed by chunked, by length, or by the close, in this order', () => {
    assert.deepEqual(framing(response('Transfer-Encoding: chunked\r\n')), [Framing.chunked, 0]);
    assert.deepEqual(framing(response('Content-Length: 7\r\n')), [Framing.length, 7]);
    assert.deepEqual(framing(response('')), [Framing.close, 0]);
    assert.deepEqual(framing(response('Content-Length: 0\r\n', 'HTTP/1.1 205 Reset')), [Framing.length, 0]);
  });

  it('there is no body when the request was HEAD or the status is 1xx, 204 or 304', () => {
    assert.deepEqual(framing(response('Content-Length: 7\r\n'), true), [Framing.none, 0]);
    assert.deepEqual(framing(response('Transfer-Encoding: chunked\r\n'), true), [Framing.none, 0]);
    for (const code of ['100', '103', '199', '204', '304']) {
      assert.deepEqual(framing(response('', `HTTP/1.1 ${code} x`)), [Framing.none, 0], code);
    }
    assert.deepEqual(framing(response('Content-Length: 7\r\n', 'HTTP/1.1 304 x')), [Framing.none, 0]);
    assert.deepEqual(framing(response('Content-Length: 7\r\n', 'HTTP/1.1 204 x')), [Framing.none, 0]);
  });

  it('interim response is refused when it announces a body, for readers differ about it', () => {
    expectAll('interim response with a body', [
      response('Content-Length: 1\r\n', 'HTTP/1.1 151 x'),
      response('Transfer-Encoding: chunked\r\n', 'HTTP/1.1 100 x'),
    ]);
  });

  it('Content-Length is refused when it is malformed or repeated, alike or not', () => {
    const values = ['', '+5', '-1', '0x5', '5 5', '5, 5', '18446744073709551616'];
    const texts = values.map((value) => response(`Content-Length: ${value}\r\n`));
    texts.push(
      response('Content-Length: 5\r\nContent-Length: 6\r\n'),
      response('Content-Length: 5\r\nContent-Length: 5\r\n'),
    );
    expectAll('Content-Length malformed or repeated', texts);
    assert.equal(verdictOnResponse(texts[1] ?? '', true), 'Content-Length malformed or repeated');
  });

  it('Transfer-Encoding is refused when it is not exactly chunked, once, on HTTP/1.1', () => {
    const values = ['gzip', 'gzip, chunked', 'chunked, chunked', 'identity', ''];
    const texts = values.map((value) => response(`Transfer-Encoding: ${value}\r\n`));
    texts.push(
      response('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
      response('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK'),
    );
    expectAll('Transfer-Encoding not supported', texts);
    expectAll('Content-Length with Transfer-Encoding', [
      response('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    ]);
  });
});

describe('persistence of the upstream connection (RFC 9112 9.3)', () => {
  const keepAlive = (text: string): boolean => parseResponse(text, false, true).head.keepAlive;

  it('connection is reusable by version, options and framing', () => {
    const length = 'Content-Length: 0\r\n';
    assert.equal(keepAlive(response(length)), true);
    assert.equal(keepAlive(response('Transfer-Encoding: chunked\r\n')), true);
    assert.equal(keepAlive(response(`${length}Connection: close\r\n`)), false);
    assert.equal(keepAlive(response(length, 'HTTP/1.0 200 OK')), false);
    assert.equal(keepAlive(response(`${length}Connection: keep-alive\r\n`, 'HTTP/1.0 200 OK')), true);
    assert.equal(keepAlive(response('')), false);
    assert.equal(keepAlive(response('Upgrade: websocket\r\n', 'HTTP/1.1 101 x')), false);
  });
});

describe('interim responses (RFC 9110 15.2)', () => {
  it('1xx is interim when it is not 101', () => {
    const isInterim = (code: string): boolean =>
      parseResponse(response('Upgrade: x\r\n', `HTTP/1.1 ${code} x`), false, true).head.isInterim;
    assert.deepEqual(['100', '102', '103', '101', '200'].map(isInterim), [true, true, true, false, false]);
  });

  it('101 is refused when the request did not ask or no protocol is named', () => {
    const switching = response('Connection: upgrade\r\nUpgrade: websocket\r\n', 'HTTP/1.1 101 x');
    assert.equal(verdictOnResponse(switching, false, true), 'accepted');
    assert.equal(verdictOnResponse(switching, false, false), '101 without an upgrade');
    assert.equal(verdictOnResponse(response('', 'HTTP/1.1 101 x'), false, true), '101 without an upgrade');
  });
});

describe('reuse', () => {
  it('nothing of the last response is left when the head object is used again', () => {
    const full =
      'HTTP/1.0 503 Oops\r\nX-Kong-Response-Latency: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';
    const bytes = bytesOf(response('Content-Length: 1\r\n'));
    const reused = new ResponseHead();
    parseResponseHead(bytesOf(full), 0, full.length, reused, limits, false, false);
    parseResponseHead(bytesOf('x'), 0, 1, reused, limits, false, false);
    parseResponseHead(bytes, 0, bytes.length, reused, limits, false, false);
    const fresh = new ResponseHead();
    parseResponseHead(bytes, 0, bytes.length, fresh, limits, false, false);
    reused.fields.fill(0, fresh.fieldCount * 5);
    assert.deepEqual({ ...reused }, { ...fresh });
  });
});
