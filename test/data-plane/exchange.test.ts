import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Exchange } from '#src/data-plane/exchange.ts';
import { ATTEMPT, X, Y } from '#src/shared-memory/layout.ts';
import { type DataPlane, startDataPlane } from '../support/data-plane-assembly.ts';
import { FakePlane, type FakePlaneOptions } from '../support/fake-plane.ts';
import { RecordingClient, startOn } from '../support/recording-client.ts';
import { bodyOf } from '../support/strict-stream.ts';

const get = (target = '/'): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
const post = (bytes: number, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${bytes}\r\n\r\n${body}`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const hourMs = 3_600_000;

/** An exchange on sockets without a network, with everything on the client's side written down. */
class Stage {
  readonly plane: FakePlane;
  readonly client = new RecordingClient();
  readonly exchange: Exchange;

  constructor(options: FakePlaneOptions = {}) {
    this.plane = new FakePlane(options);
    this.exchange = new Exchange(this.plane.runtime);
  }

  get calls(): readonly string[] {
    return this.client.calls;
  }

  /** Starts on a request, and waits until the node has accepted. */
  async start(text: string): Promise<this> {
    startOn(this.exchange, this.client, this.plane.runtime, text);
    await turn();
    return this;
  }

  receive(text: string): number {
    return this.exchange.onRequestBytes(Buffer.from(text, 'latin1'), 0, text.length);
  }

  get inFlight(): number {
    return this.plane.counter('inFlightX') + this.plane.counter('inFlightY');
  }
}

describe('an exchange', () => {
  it('sends what there is of a request in one write, and the rest as it comes', async () => {
    const stage = await new Stage().start(post(9, 'abc'));
    const upstream = stage.plane.upstream();
    assert.equal(upstream.writes.length, 1);
    assert.match(upstream.sent, /^POST \/ HTTP\/1\.1\r\n[\s\S]*\r\n\r\nabc$/);
    assert.equal(stage.exchange.isRequestDone, false);
    assert.equal(stage.receive('def'), 3);
    assert.equal(stage.receive('ghiGET /next'), 3, 'what comes behind the body is not its own');
    assert.deepEqual(upstream.writes.slice(1), ['def', 'ghi']);
    assert.equal(stage.exchange.isRequestDone, true);
  });

  const waits = { timeouts: { requestBodyWaitMs: 1_000 } };

  it('takes no connection before the request body is there', async () => {
    const stage = await new Stage(waits).start(post(9, 'abc'));
    stage.receive('def');
    assert.equal(stage.plane.upstreams.length, 0);
    stage.receive('ghi');
    await turn();
    assert.match(stage.plane.upstream().sent, /\r\n\r\nabcdefghi$/);
    assert.equal(stage.plane.upstreams.length, 1);
  });

  it('takes one after a while all the same: its answer may begin before its end', async () => {
    const stage = await new Stage(waits).start(post(9, 'abc'));
    stage.plane.advance(900);
    assert.equal(stage.plane.upstreams.length, 0);
    stage.plane.advance(300);
    await turn();
    assert.match(stage.plane.upstream().sent, /\r\n\r\nabc$/);
    stage.receive('defghi');
    assert.equal(stage.plane.upstream().writes.at(-1), 'defghi');
    stage.plane.advance(hourMs / 2);
    assert.equal(stage.plane.upstreams.length, 1);
  });

  it('takes one when more came than is kept for a replay', async () => {
    const stage = await new Stage({ ...waits, limits: { replayBytes: 1_000 } }).start(post(3_000, 'x'));
    assert.equal(stage.plane.upstreams.length, 0);
    stage.receive('x'.repeat(1_500));
    assert.equal(stage.plane.upstreams.length, 1);
  });

  it('takes one at once for a client that waits for 100 Continue', async () => {
    const expecting = 'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n';
    const stage = await new Stage(waits).start(expecting);
    assert.equal(stage.plane.upstreams.length, 1);
  });

  it('takes none for a client that leaves, or whose body is invalid', async () => {
    const left = await new Stage(waits).start(post(9, 'abc'));
    left.exchange.abort();
    const chunked = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n';
    const invalid = await new Stage(waits).start(chunked);
    invalid.receive('nonsense\r\n');
    assert.deepEqual(invalid.calls, ['early error chunkInvalid', 'done']);
    for (const { plane } of [left, invalid]) {
      plane.advance(2_000);
      assert.equal(plane.upstreams.length, 0);
    }
  });

  it('sends what came while it waited for a connection together with the head', async () => {
    const stage = new Stage();
    stage.plane.accepts = false;
    await stage.start(post(6, 'abc'));
    stage.receive('def');
    assert.deepEqual(stage.calls, []);
    assert.equal(stage.plane.counter('pendingX'), 1);
    stage.plane.upstream().accept();
    assert.equal(stage.plane.counter('pendingX'), 0);
    assert.deepEqual(
      stage.plane.upstream().writes.map((text) => text.slice(-6)),
      ['abcdef'],
    );
  });

  it('has a client stop sending what can not be kept until there is a connection', async () => {
    const stage = new Stage({ limits: { replayBytes: 1_000 } });
    stage.plane.accepts = false;
    await stage.start(post(3_000, 'x'.repeat(500)));
    assert.deepEqual(stage.calls, []);
    stage.receive('x'.repeat(500));
    assert.deepEqual(stage.calls, ['pause']);
    stage.plane.upstream().accept();
    assert.deepEqual(stage.calls, ['pause', 'resume']);
  });

  it('has a client stop sending what the upstream does not take', async () => {
    const stage = await new Stage().start(post(9, 'abc'));
    const upstream = stage.plane.upstream();
    upstream.isBlocked = true;
    stage.receive('def');
    assert.deepEqual(stage.calls, ['resume', 'pause']);
    upstream.take();
    assert.deepEqual(stage.calls, ['resume', 'pause', 'resume']);
  });

  it('passes interim heads, the final head with its body, and the rest, and is done at its end', async () => {
    const stage = await new Stage().start(get());
    const upstream = stage.plane.upstream();
    upstream.receive('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le');
    upstream.receive('ngth: 8\r\n\r\nab');
    upstream.receive('cdef');
    upstream.receive('gh');
    assert.deepEqual(stage.calls, ['interim 103', 'head 200 ab', 'body cdef', 'body gh end', 'done']);
    assert.equal(upstream.isOpen, true);
    assert.equal(stage.inFlight, 0);
  });

  it('gives its connection back, and the next exchange has it without another connect', async () => {
    const stage = await new Stage().start(get('/1'));
    stage.plane.upstream().receive(ok);
    await stage.start(get('/2'));
    stage.plane.upstream().receive(ok);
    assert.deepEqual(stage.calls, ['head 200 ok end', 'done', 'head 200 ok end', 'done']);
    assert.equal(stage.plane.upstreams.length, 1);
    assert.equal(stage.plane.counter('upstreamIdleX'), 1);
  });

  it('does not use a connection again on which more came than the answer, or one that closes', async () => {
    for (const answer of [`${ok}more`, ok.replace('\r\n', '\r\nConnection: close\r\n')]) {
      const stage = await new Stage().start(get());
      stage.plane.upstream().receive(answer);
      assert.deepEqual(stage.calls, ['head 200 ok end', 'done']);
      assert.equal(stage.plane.upstream().isOpen, false);
    }
  });

  it('is done with an answer that comes before the request is there, and leaves its connection', async () => {
    const stage = await new Stage().start(post(9, 'abc'));
    stage.plane.upstream().receive(ok);
    assert.deepEqual(stage.calls, ['resume', 'early head 200 ok end', 'done']);
    assert.equal(stage.plane.upstream().isOpen, false);
  });

  it('holds the upstream back while the client takes nothing, and does not blame it for that', async () => {
    const stage = await new Stage({ timeouts: { responseBodyMs: 1_000 } }).start(get());
    const upstream = stage.plane.upstream();
    stage.client.hasPendingWrites = true;
    upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab');
    assert.equal(upstream.isReading, false);
    stage.plane.advance(10_000);
    assert.equal(stage.client.isOver, false);
    stage.client.hasPendingWrites = false;
    stage.exchange.onClientDrained();
    assert.equal(upstream.isReading, true);
    stage.plane.advance(10_000);
    assert.equal(stage.calls.at(-1), 'cut', 'now it is the upstream that is awaited');
  });

  it('cuts an answer that the upstream does not complete', async () => {
    const stage = await new Stage().start(get());
    stage.plane.upstream().receive('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab');
    stage.plane.upstream().end();
    assert.deepEqual(stage.calls, ['head 200 ab', 'cut']);
    assert.equal(stage.plane.counter('truncatedResponses'), 1);
    assert.equal(stage.inFlight, 0);
  });

  it('takes the end of the connection for the end of an answer that has no other', async () => {
    const stage = await new Stage().start(get());
    stage.plane.upstream().receive('HTTP/1.1 200 OK\r\n\r\nab');
    stage.plane.upstream().end();
    assert.deepEqual(stage.calls, ['head 200 ab', 'done']);
  });

  it('answers in place of an upstream that fails, by what failed', async () => {
    const failures: [string, (stage: Stage) => void][] = [
      ['upstreamReset', ({ plane }) => plane.upstream().fail()],
      ['upstreamReset', ({ plane }) => plane.upstream().end()],
      ['upstreamResponseInvalid', ({ plane }) => plane.upstream().receive('nonsense\r\n\r\n')],
      ['upstreamTimeout', ({ plane }) => plane.advance(2 * hourMs)],
    ];
    for (const [error, fail] of failures) {
      const stage = await new Stage({ timeouts: { responseHeadMs: hourMs } }).start(post(3, 'abc'));
      fail(stage);
      assert.deepEqual(stage.calls, [`error ${error}`, 'done']);
      assert.equal(stage.inFlight, 0);
    }
    const down = await new Stage({ isDown: true }).start(get());
    assert.deepEqual(down.calls, ['error upstreamUnavailable', 'done']);
  });

  it('goes on to X when Y fails, and the client hears of X alone', async () => {
    const stage = new Stage();
    stage.plane.split(1_000_000);
    await stage.start(get());
    stage.plane.upstream(0).receive('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    await turn();
    stage.plane.upstream(1).receive(ok);
    assert.deepEqual(
      stage.plane.upstreams.map(({ node }) => node.id),
      ['y1', 'x1'],
    );
    assert.deepEqual(stage.calls, ['head 200 ok end', 'done']);
  });

  it('refuses a body that is none or too large, sends nothing upstream, and draws for no arm', async () => {
    const refused: [string, string][] = [
      ['bodyTooLarge', post(11)],
      ['chunkInvalid', 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx'],
    ];
    for (const [error, text] of refused) {
      const stage = new Stage({ limits: { bodyBytes: 10 } });
      await stage.start(post(10, 'x'.repeat(10)));
      stage.plane.upstream().receive(ok);
      const { length } = stage.calls;
      await stage.start(text);
      assert.deepEqual(stage.calls.slice(length), [`early error ${error}`, 'done']);
      assert.equal(stage.plane.upstream().writes.length, 1);
      assert.equal(stage.plane.attempts(X, ATTEMPT.assigned), 1);
    }
  });

  it('gives up a request whose body does not come, and charges nobody', async () => {
    const stage = await new Stage().start(post(9, 'abc'));
    stage.exchange.reject('requestTimeout');
    assert.deepEqual(stage.calls, ['resume', 'early error requestTimeout', 'done']);
    assert.equal(stage.plane.upstream().isOpen, false);
    assert.equal(stage.plane.attempts(X, ATTEMPT.clientAborts), 1);
    assert.equal(stage.inFlight, 0);
  });

  it('leaves the upstream when the client is gone, wherever it was, and tells it nothing more', async () => {
    const stages: [string, (stage: Stage) => void][] = [
      ['before the node has accepted', () => {}],
      ['before the answer', () => {}],
      [
        'in the answer',
        ({ plane }) => plane.upstream().receive('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab'),
      ],
    ];
    for (const [where, move] of stages) {
      const stage = new Stage();
      stage.plane.accepts = !where.startsWith('before the node');
      await stage.start(get());
      move(stage);
      const { length } = stage.calls;
      stage.exchange.abort();
      stage.plane.upstream().receive('cdef');
      assert.equal(stage.calls.length, length, where);
      assert.equal(stage.plane.counter('clientAborts'), 1, where);
      assert.equal(stage.plane.counter('pendingX'), 0, where);
      assert.equal(stage.inFlight, 0, where);
    }
  });

  it('joins client and upstream when both switch protocols', async () => {
    const upgrade = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const stage = await new Stage().start(upgrade);
    stage.plane
      .upstream()
      .receive('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst');
    assert.deepEqual(stage.calls, ['switch 101', 'tunnel']);
    assert.equal(stage.client.tunnel?.rest, 'first');
    assert.equal(stage.client.tunnel?.upstream, stage.plane.upstream());
    assert.equal(stage.inFlight, 0);
    assert.equal(stage.plane.counter('upstreamOpenX'), 0, 'it is the tunnel’s now');
  });

  it('hands over the payload of a chunked body to a client that has no chunks', async () => {
    const stage = new Stage();
    stage.client.wantsPayload = true;
    await stage.start(get());
    stage.plane.upstream().receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc');
    stage.plane.upstream().receive('\r\n0\r\n\r\n');
    assert.deepEqual(stage.calls, ['head 200 ab|c', 'body  end', 'done']);
  });
});

describe('an exchange over the network', () => {
  const both = ({ x, y }: DataPlane): string[][] =>
    [x, y].map(({ requests }) => requests.map(({ message }) => message.target));

  it('goes to the cluster that the split says, and is counted there', async (t) => {
    const plane = await startDataPlane(t);
    const client = await plane.connect();
    client.socket.write(get('/first'));
    await plane.until('the first answer', () => client.finals().length === 1);
    plane.split(1_000_000);
    client.socket.write(get('/second'));
    await plane.until('the second answer', () => client.finals().length === 2);
    assert.deepEqual(both(plane), [['/first'], ['/second']]);
    assert.deepEqual(
      client.finals().map((answer) => bodyOf(answer).toString()),
      ['GET /first', 'GET /second'],
    );
    assert.equal(plane.attempts(Y, ATTEMPT.status + 200), 1);
    assert.equal(plane.attempts(X, ATTEMPT.status + 200), 0, 'in the epoch before');
    assert.deepEqual(plane.log, []);
  });

  it('takes a request that is larger than any buffer, and an answer that is', async (t) => {
    const plane = await startDataPlane(t);
    const bytes = 8 * 1024 * 1024;
    plane.x.automatic = false;
    const client = await plane.connect(['POST']);
    client.socket.write(post(bytes));
    client.socket.write(Buffer.alloc(bytes, 'q'));
    const { connection, message } = await plane.received(plane.x);
    await plane.until('the whole request', () => message.complete);
    assert.ok(bodyOf(message).equals(Buffer.alloc(bytes, 'q')));
    connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(bytes, 'a'));
    await plane.until('the whole answer', () => client.finals().length === 1);
    const [answer] = client.finals();
    assert.ok(answer !== undefined && bodyOf(answer).equals(Buffer.alloc(bytes, 'a')));
    assert.deepEqual(plane.log, []);
  });
});
