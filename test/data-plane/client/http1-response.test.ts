import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Framing } from '#src/core/http1/framing.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { Http1Response, Next } from '#src/data-plane/client/http1-response.ts';
import { MessageBody } from '#src/data-plane/exchange/message-body.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { FakePlane } from '../../support/fake-plane.ts';
import { FakeSocket } from '../../support/fake-socket.ts';
import { headOf } from '../../support/recording-client.ts';

const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const closing = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
const old = 'GET / HTTP/1.0\r\n\r\n';
const oldKeepAlive = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
const dated = 'Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n';
const counted = (body: string): string =>
  `HTTP/1.1 200 OK\r\n${dated}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = `HTTP/1.1 200 OK\r\n${dated}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`;

/** The answer to a request, and the socket that it goes to. */
class Rig {
  readonly plane = new FakePlane();
  readonly socket = new FakeSocket({ onBytes() {}, onEnd() {}, onDrained() {}, onFailed() {} });
  waits = 0;
  readonly response: Http1Response;

  constructor(request: string) {
    const { socket } = this;
    const writesWait = (): void => {
      this.waits++;
    };
    this.response = new Http1Response(this.plane.runtime, { socket, writesWait });
    this.response.begin(headOf(request, this.plane.runtime));
  }

  parse(text: string, body: MessageBody): { head: ResponseHead; source: Buffer; to: number } {
    const source = Buffer.from(text, 'latin1');
    const head = new ResponseHead();
    const { limits } = this.plane.runtime.config;
    const headEnd = parseResponseHead(source, 0, source.length, head, limits, false, true);
    assert.ok(headEnd > 0, `no response head: ${text}`);
    body.begin(head.framing, head.contentLength);
    return { head, source, to: body.take(source, headEnd, source.length, this.response.wantsPayload) };
  }

  /** Sends an answer as it came from an upstream in one read. */
  send(text: string, isRequestDone = true): boolean {
    const body = new MessageBody();
    const { head, source, to } = this.parse(text, body);
    return this.response.sendHead(head, source, to, body, isRequestDone);
  }

  next(isRequestDone = true): Next {
    return this.response.next(isRequestDone);
  }
}

describe('the answer to an HTTP/1.1 client', () => {
  it('is what the upstream sent, in one write, and another request may follow', () => {
    const rig = new Rig(get);
    rig.send(counted('hello'));
    assert.deepEqual(rig.socket.writes, [counted('hello')]);
    assert.equal(rig.next(), Next.request);
    assert.equal(rig.plane.counter('bytesToClients'), counted('hello').length);
    assert.equal(rig.response.endsWithConnection, false);
  });

  it('leaves in one write with a large body too', () => {
    const large = counted('x'.repeat(20_000));
    const rig = new Rig(get);
    rig.send(large);
    assert.deepEqual(rig.socket.writes, [large]);
    const grown = new Rig(closing);
    grown.send(large.replace(dated, ''));
    assert.equal(grown.socket.writes.length, 1);
    assert.match(grown.socket.sent, /\r\nConnection: close\r\n\r\nx{20000}$/);
  });

  it('says that it is the last where it is, and what follows then', () => {
    const lasts: [string, string, boolean, Next][] = [
      ['the client says so', closing, true, Next.close],
      ['the request is not there', get, false, Next.linger],
      ['the request is not there, and the client says so', closing, false, Next.linger],
    ];
    for (const [why, request, isRequestDone, next] of lasts) {
      const rig = new Rig(request);
      rig.send(counted('hello'), isRequestDone);
      assert.match(rig.socket.sent, /\r\nConnection: close\r\n\r\nhello$/, why);
      assert.equal(rig.next(isRequestDone), next, why);
    }
    const draining = new Rig(get);
    draining.plane.runtime.isDraining = true;
    draining.send(counted('hello'));
    assert.match(draining.socket.sent, /\r\nConnection: close\r\n/);
    assert.equal(draining.next(), Next.linger);
  });

  it('ends with the connection where nothing else ends it', () => {
    const rig = new Rig(get);
    rig.send(`HTTP/1.1 200 OK\r\n${dated}\r\nhello`);
    assert.equal(rig.response.endsWithConnection, true);
    assert.equal(rig.next(), Next.linger);
  });

  it('has a Date line where the upstream sent none', () => {
    const rig = new Rig(get);
    rig.send(counted('').replace(dated, ''));
    assert.match(rig.socket.sent, /\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n\r\n$/);
  });

  it('keeps its chunks', () => {
    const rig = new Rig(get);
    rig.send(chunked);
    assert.equal(rig.socket.sent, chunked);
    assert.equal(rig.response.wantsPayload, false);
  });

  it('has the body that comes later behind it, small or large', () => {
    const rig = new Rig(get);
    const body = new MessageBody();
    body.begin(Framing.length, 20_002);
    const small = Buffer.from('ab');
    assert.equal(rig.response.sendBody(small, 2, body), true);
    small.fill(0x21);
    rig.response.sendBody(Buffer.alloc(20_000, 'x'), 20_000, body);
    assert.deepEqual(rig.socket.writes, ['ab', 'x'.repeat(20_000)]);
  });

  it('is told of when it waits, and what waits stays as it is', () => {
    const rig = new Rig(get);
    rig.socket.isBlocked = true;
    const { scratch } = rig.plane.runtime;
    assert.equal(rig.send(counted('hello')), false);
    assert.equal(rig.waits, 1);
    assert.notEqual(rig.plane.runtime.scratch, scratch, 'the write keeps it');
    assert.equal(rig.plane.runtime.scratch.length, scratch.length);
  });

  it('takes interim heads, and a switch of protocols', () => {
    const rig = new Rig(get);
    const body = new MessageBody();
    const interim = rig.parse('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nConnection: x\r\n\r\n', body);
    rig.response.sendInterim(interim.head, interim.source);
    const upgraded = rig.parse('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', body);
    rig.response.sendSwitch(upgraded.head, upgraded.source);
    assert.deepEqual(rig.socket.writes, [
      'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ]);
  });
});

describe('the answer to an HTTP/1.0 client', () => {
  it('says when the connection stays', () => {
    const rig = new Rig(oldKeepAlive);
    rig.send(counted('hello'));
    assert.match(rig.socket.sent, /\r\nConnection: keep-alive\r\n\r\nhello$/);
    assert.equal(rig.next(), Next.request);
    const usual = new Rig(old);
    usual.send(counted('hello'));
    assert.match(usual.socket.sent, /\r\nConnection: close\r\n\r\nhello$/);
    assert.equal(usual.next(), Next.close);
  });

  it('has no chunks, and ends with the connection', () => {
    const rig = new Rig(oldKeepAlive);
    assert.equal(rig.response.wantsPayload, true);
    rig.send(chunked);
    assert.match(rig.socket.sent, /^HTTP\/1\.1 200 OK\r\nDate: [^\r]*\r\nConnection: close\r\n\r\nabc$/);
    assert.equal(rig.response.endsWithConnection, true);
    assert.equal(rig.next(), Next.linger);
  });

  it('has no interim heads', () => {
    const rig = new Rig(old);
    const { head, source } = rig.parse('HTTP/1.1 103 Early Hints\r\n\r\n', new MessageBody());
    rig.response.sendInterim(head, source);
    assert.deepEqual(rig.socket.writes, []);
  });
});

describe('an error in place of an answer', () => {
  it('leaves the connection open where the request is there and the client wants it', () => {
    for (const [request, isRequestDone, next] of [
      [get, true, Next.request],
      [get, false, Next.linger],
      [closing, true, Next.close],
      [old, true, Next.close],
    ] as const) {
      const rig = new Rig(request);
      rig.response.sendError('upstreamTimeout', 'abc', isRequestDone);
      assert.match(rig.socket.sent, /^HTTP\/1\.1 504 [\s\S]*X-Request-Id: abc\r\n/);
      assert.equal(rig.next(isRequestDone), next);
      assert.equal(rig.socket.sent.includes('\r\nConnection: close\r\n'), next !== Next.request);
      assert.equal(rig.plane.runtime.slab[WORKER.bytesToClients], rig.socket.sent.length);
    }
  });

  it('has no body in answer to HEAD', () => {
    const rig = new Rig(get.replace('GET', 'HEAD'));
    rig.response.sendError('upstreamTimeout', 'abc', true);
    assert.match(rig.socket.sent, /\r\n\r\n$/);
  });

  it('is the last when it refuses what is no request, whatever the request before wanted', () => {
    const rig = new Rig(get.replace('GET', 'HEAD'));
    rig.send(counted(''));
    rig.response.refuse('requestLineInvalid', false);
    assert.match(rig.socket.writes[1] ?? '', /^HTTP\/1\.1 400 [\s\S]*\r\nConnection: close\r\n\r\n\{/);
    assert.equal(rig.next(false), Next.linger);
  });
});
