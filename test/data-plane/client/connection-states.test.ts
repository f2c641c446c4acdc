// What a client connection does in each state of its life when bytes, the client's FIN, room to write, or its
// deadline comes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { lingerBytesMax, lingerMsMax, pipelinedRequestsPerTurnMax } from '#src/limits.ts';
import {
  type FakeClient,
  FakePlane,
  type FakePlaneOptions,
  type FakeUpstream,
} from '../../support/fake-plane.ts';
import type { FakeSocket } from '../../support/fake-socket.ts';

const hourMs = 3_600_000;
const requestHeadMs = 10_000;
const requestBodyMs = 30_000;
const clientIdleMs = 60_000;
/** A deadline passes at most two ticks late. */
const lateMs = 300;

const get = (target = '/'): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
const post = (bytes: number): string => `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${bytes}\r\n\r\n`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const closing = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

const statusesOf = ({ sent }: FakeSocket): string[] =>
  [...sent.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);

class Stage {
  readonly plane: FakePlane;
  readonly client: FakeClient;
  readonly socket: FakeSocket;

  constructor(options: FakePlaneOptions = {}) {
    const timeouts = {
      requestHeadMs,
      requestBodyMs,
      clientIdleMs,
      responseHeadMs: hourMs,
      responseBodyMs: hourMs,
      upstreamIdleMs: hourMs,
    };
    this.plane = new FakePlane({ ...options, timeouts });
    this.client = this.plane.connect();
    this.socket = this.client.socket;
  }

  get upstream(): FakeUpstream {
    return this.plane.upstream();
  }

  get requestsUpstream(): number {
    return this.upstream.sent.match(/HTTP\/1\.1\r\n/g)?.length ?? 0;
  }

  /** After everything else: nothing was our own mistake, and the connection is gone. */
  assertClosed(): void {
    assert.equal(this.socket.isOpen, false);
    assert.equal(this.plane.registry.size, 0);
    assert.deepEqual(this.plane.log, []);
  }

  /** The connection serves another request. */
  async assertServes(): Promise<void> {
    const before = statusesOf(this.socket).length;
    this.socket.receive(get());
    await turn();
    this.plane.upstreams.at(-1)?.receive(ok);
    await turn();
    assert.deepEqual(statusesOf(this.socket).slice(before), ['200']);
    assert.deepEqual(this.plane.log, []);
  }
}

/** A connection in each of its states. */
const arrive = {
  async idle(): Promise<Stage> {
    const stage = new Stage();
    await stage.assertServes();
    return stage;
  },
  async head(text = 'GET / HTTP/1.1\r\nHo'): Promise<Stage> {
    const stage = new Stage();
    stage.socket.receive(text);
    return stage;
  },
  async queued(text = get()): Promise<Stage> {
    const stage = new Stage();
    const { turns } = stage.plane.runtime;
    const { mayTake } = turns;
    turns.mayTake = () => false;
    stage.socket.receive(text);
    turns.mayTake = mayTake;
    return stage;
  },
  async yielded(): Promise<Stage> {
    const stage = new Stage({ isDown: true });
    stage.socket.receive(get().repeat(pipelinedRequestsPerTurnMax + 1));
    return stage;
  },
  async receiving(head = post(10)): Promise<Stage> {
    const stage = new Stage();
    stage.socket.receive(`${head}abc`);
    await turn();
    assert.match(stage.upstream.sent, /\r\nabc$/);
    return stage;
  },
  async paused(): Promise<Stage> {
    const stage = await arrive.receiving();
    stage.upstream.isBlocked = true;
    stage.socket.receive('def');
    assert.equal(stage.socket.isReading, false);
    return stage;
  },
  async answering(text = get()): Promise<Stage> {
    const stage = new Stage();
    stage.socket.receive(text);
    await turn();
    assert.equal(stage.requestsUpstream, 1);
    return stage;
  },
  async flushing(text = get()): Promise<Stage> {
    const stage = await arrive.answering(text);
    stage.socket.isBlocked = true;
    stage.upstream.receive(ok);
    assert.ok(stage.socket.hasPendingWrites);
    return stage;
  },
  async lingering(): Promise<Stage> {
    const stage = new Stage();
    stage.socket.receive('nonsense\n');
    assert.deepEqual(statusesOf(stage.socket), ['400']);
    assert.ok(stage.socket.isShutDown);
    return stage;
  },
};

describe('a client connection between requests', () => {
  it('starts an exchange on a whole head', async () => {
    const stage = await arrive.idle();
    stage.socket.receive(get('/next'));
    assert.match(stage.upstream.sent, /GET \/next /);
  });

  it('closes when the client ends, and when it is idle for long, and not before', async () => {
    const ended = await arrive.idle();
    ended.socket.end();
    ended.assertClosed();
    const late = await arrive.idle();
    late.plane.advance(clientIdleMs - lateMs);
    assert.ok(late.socket.isOpen);
    late.plane.advance(2 * lateMs);
    late.assertClosed();
    assert.deepEqual(statusesOf(late.socket), ['200'], 'without a word');
  });

  it('is cut without a loss', async () => {
    const { client } = await arrive.idle();
    assert.equal(client.connection.isIdle, true);
    assert.equal(client.connection.cut(), false);
  });
});

describe('a client connection with part of a head', () => {
  it('goes on when the rest comes, in pieces too', async () => {
    const stage = await arrive.head('GET / HT');
    for (const piece of ['TP/1.1\r', '\nHost: h\r\n', '\r\n']) stage.socket.receive(piece);
    await turn();
    assert.equal(stage.requestsUpstream, 1);
    assert.equal(stage.client.connection.isIdle, false);
  });

  it('closes when the client ends', async () => {
    const stage = await arrive.head();
    stage.socket.end();
    stage.assertClosed();
    assert.equal(stage.socket.sent, '');
  });

  it('answers 408 and hangs up when the rest does not come, however often a byte does', async () => {
    const stage = await arrive.head();
    stage.plane.advance(requestHeadMs / 2);
    stage.socket.receive('st: ');
    stage.plane.advance(requestHeadMs / 2 - lateMs);
    assert.equal(stage.socket.sent, '');
    stage.plane.advance(2 * lateMs);
    assert.deepEqual(statusesOf(stage.socket), ['408']);
    assert.ok(stage.socket.isShutDown);
  });
});

describe('a client connection in a crowd', () => {
  it('waits for its turn, and takes what comes meanwhile after it', async () => {
    const stage = await arrive.queued(get('/1'));
    assert.equal(stage.plane.counter('queued'), 1);
    stage.socket.receive(get('/2'));
    stage.plane.advance(hourMs);
    assert.equal(stage.plane.upstreams.length, 0);
    await turn();
    await turn();
    assert.match(stage.upstream.sent, /GET \/1 /);
    stage.upstream.receive(ok);
    await turn();
    assert.match(stage.upstream.sent, /GET \/2 /);
  });

  it('gives a client that ended its answer, and then closes', async () => {
    const stage = await arrive.queued();
    stage.socket.end();
    await turn();
    await turn();
    stage.upstream.receive(ok);
    await turn();
    assert.deepEqual(statusesOf(stage.socket), ['200']);
    stage.assertClosed();
  });

  it('reads on until something comes, and for the rest of a head after its turn', async () => {
    const stage = await arrive.queued('GET / HT');
    assert.equal(stage.socket.isReading, true);
    stage.socket.receive('TP/1.1\r\n');
    stage.socket.receive('Host: h\r\n\r\n');
    assert.notEqual(stage.socket.unreadBytes, 0);
    await turn();
    await turn();
    assert.equal(stage.requestsUpstream, 1);
  });

  it('gives up a request that the client, which ended, will not complete', async () => {
    const stage = await arrive.queued(`${post(10)}abc`);
    stage.socket.end();
    assert.ok(stage.socket.isOpen);
    await turn();
    await turn();
    stage.assertClosed();
    assert.equal(stage.socket.sent, '');
    assert.equal(stage.plane.counter('clientAborts'), 1);
  });

  it('closes when the client ended in the middle of a head', async () => {
    const stage = await arrive.queued('GET / HT');
    stage.socket.end();
    await turn();
    stage.assertClosed();
  });

  it('counts as cut when it is cut', async () => {
    const stage = await arrive.queued();
    assert.equal(stage.client.connection.cut(), true);
    await turn();
    stage.assertClosed();
  });
});

describe('a client connection with many pipelined requests', () => {
  it('lets others go first after so many, and goes on in a later turn', async () => {
    const stage = await arrive.yielded();
    assert.equal(statusesOf(stage.socket).length, pipelinedRequestsPerTurnMax);
    assert.equal(stage.client.connection.isIdle, false);
    stage.socket.receive(get());
    await turn();
    assert.equal(statusesOf(stage.socket).length, pipelinedRequestsPerTurnMax + 2);
  });

  it('answers all of them although the client has ended', async () => {
    const stage = await arrive.yielded();
    stage.socket.end();
    await turn();
    assert.equal(statusesOf(stage.socket).length, pipelinedRequestsPerTurnMax + 1);
    stage.assertClosed();
  });
});

describe('a client connection whose request body arrives', () => {
  it('sends it on, and keeps what follows it for later', async () => {
    const stage = await arrive.receiving();
    stage.socket.receive(`defghij${get('/next')}`);
    assert.match(stage.upstream.sent, /abcdefghij$/);
    stage.upstream.receive(ok);
    await turn();
    assert.match(stage.upstream.sent, /GET \/next /);
  });

  it('aborts when the client ends', async () => {
    const stage = await arrive.receiving();
    stage.socket.end();
    stage.assertClosed();
    assert.equal(stage.plane.counter('clientAborts'), 1);
    assert.equal(stage.upstream.isOpen, false);
  });

  it('answers 408 and hangs up when nothing more of it comes for long', async () => {
    const stage = await arrive.receiving();
    stage.plane.advance(requestBodyMs - lateMs);
    stage.socket.receive('def');
    stage.plane.advance(requestBodyMs - lateMs);
    assert.equal(stage.socket.sent, '');
    stage.plane.advance(2 * lateMs);
    assert.deepEqual(statusesOf(stage.socket), ['408']);
    assert.ok(stage.socket.isShutDown);
    assert.equal(stage.plane.counter('clientAborts'), 0);
  });

  it('lets the upstream go on with an early answer once the client has taken what there is', async () => {
    const stage = await arrive.receiving();
    stage.socket.isBlocked = true;
    stage.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n0123');
    assert.equal(stage.upstream.isReading, false);
    stage.socket.take();
    assert.equal(stage.upstream.isReading, true);
  });

  it('refuses a body that is no body, and takes nothing more', async () => {
    const stage = await arrive.receiving(
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n',
    );
    stage.socket.receive('\r\nnonsense');
    assert.deepEqual(statusesOf(stage.socket), ['400']);
    stage.socket.receive(get());
    assert.deepEqual(statusesOf(stage.socket), ['400']);
    assert.ok(stage.socket.isShutDown);
  });

  it('hangs up after an answer that came before the body was there', async () => {
    const stage = await arrive.receiving();
    stage.upstream.receive(ok);
    assert.deepEqual(statusesOf(stage.socket), ['200']);
    assert.ok(stage.socket.isShutDown && stage.socket.isOpen, 'for the client may still send');
    stage.socket.receive('defghij');
    assert.deepEqual(statusesOf(stage.socket), ['200']);
  });
});

describe('a client connection whose request body the upstream does not take', () => {
  it('reads no further until the upstream has', async () => {
    const stage = await arrive.paused();
    stage.socket.receive('ghij');
    assert.equal(stage.socket.unreadBytes, 4);
    stage.upstream.take();
    await turn();
    assert.match(stage.upstream.sent, /abcdefghij$/);
  });

  it('takes what was read before, and sees the client end', async () => {
    const stage = await arrive.paused();
    stage.client.connection.onBytes(Buffer.from('ghij'), 4);
    stage.upstream.take();
    assert.match(stage.upstream.sent, /abcdefghij$/);
    const ended = await arrive.paused();
    ended.client.connection.onEnd();
    ended.assertClosed();
  });

  it('lets the upstream go on with an early answer once the client has taken what there is', async () => {
    const stage = await arrive.paused();
    stage.socket.isBlocked = true;
    stage.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n0123');
    stage.socket.take();
    assert.equal(stage.upstream.isReading, true);
    stage.plane.advance(3 * clientIdleMs);
    assert.ok(stage.socket.isOpen);
  });

  it('does not charge the client with the time', async () => {
    const stage = await arrive.paused();
    stage.plane.advance(3 * requestBodyMs);
    assert.ok(stage.socket.isOpen);
    assert.equal(stage.socket.sent, '');
    stage.upstream.take();
    stage.plane.advance(requestBodyMs - lateMs);
    assert.equal(stage.socket.sent, '', 'from now on it is the client that is awaited');
    stage.plane.advance(2 * lateMs);
    assert.deepEqual(statusesOf(stage.socket), ['408']);
  });

  it('drops a client that takes nothing of an early answer either, and no other', async () => {
    for (const takes of [true, false]) {
      const stage = await arrive.paused();
      stage.socket.isBlocked = true;
      stage.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n0123');
      for (let round = 0; round < 3; round++) {
        if (takes) stage.socket.take(1);
        stage.plane.advance(clientIdleMs + lateMs);
      }
      assert.equal(stage.socket.isOpen, takes);
    }
  });
});

describe('a client connection that waits for an answer', () => {
  it('keeps the next request, reads no further, and serves it afterwards', async () => {
    const stage = await arrive.answering();
    stage.socket.receive(get('/2'));
    stage.socket.receive(get('/3'));
    assert.equal(stage.requestsUpstream, 1);
    assert.equal(stage.socket.unreadBytes, get('/3').length);
    for (const count of [2, 3]) {
      stage.upstream.receive(ok);
      await turn();
      assert.equal(stage.requestsUpstream, count);
    }
    stage.upstream.receive(ok);
    assert.deepEqual(statusesOf(stage.socket), ['200', '200', '200']);
    assert.equal(stage.client.connection.isIdle, true);
  });

  it('reads no further either when several requests came at once', async () => {
    const stage = await arrive.answering(get().repeat(3));
    assert.equal(stage.socket.isReading, false);
    stage.upstream.receive(ok);
    await turn();
    assert.equal(stage.socket.isReading, false);
    stage.upstream.receive(ok);
    await turn();
    assert.equal(stage.socket.isReading, true);
  });

  it('waits as long as the upstream may take', async () => {
    const stage = await arrive.answering();
    stage.plane.advance(10 * clientIdleMs);
    stage.upstream.receive(ok);
    await stage.assertServes();
  });

  it('gives a client that ended its answer, and those to what it sent before, and closes', async () => {
    for (const text of [get(), get().repeat(2)]) {
      const stage = await arrive.answering(text);
      stage.socket.end();
      const count = text.length / get().length;
      for (let answered = 0; answered < count; answered++) {
        stage.upstream.receive(ok);
        await turn();
      }
      assert.equal(statusesOf(stage.socket).length, count);
      stage.assertClosed();
    }
  });

  it('holds the upstream back while the client takes nothing, and drops a client that never does', async () => {
    const stage = await arrive.answering();
    stage.socket.isBlocked = true;
    stage.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n0123');
    assert.equal(stage.upstream.isReading, false);
    stage.socket.take();
    assert.equal(stage.upstream.isReading, true);
    stage.plane.advance(2 * clientIdleMs);
    assert.ok(stage.socket.isOpen, 'it is the upstream that is awaited');
    stage.socket.isBlocked = true;
    stage.upstream.receive('4567');
    for (let taken = 0; taken < 3; taken++) {
      stage.socket.take(1);
      stage.plane.advance(clientIdleMs + lateMs);
      assert.ok(stage.socket.isOpen, 'a client that takes something is waited for');
    }
    stage.plane.advance(clientIdleMs + lateMs);
    stage.assertClosed();
  });

  it('hangs up at once behind the answer to a request that said it is the last', async () => {
    const stage = await arrive.answering(closing);
    stage.upstream.receive(ok);
    stage.assertClosed();
    assert.deepEqual(statusesOf(stage.socket), ['200']);
  });

  it('hangs up slowly when more came behind the last request', async () => {
    const stage = await arrive.answering(`${closing}${get()}`);
    stage.upstream.receive(ok);
    await turn();
    assert.deepEqual(statusesOf(stage.socket), ['200']);
    assert.ok(stage.socket.isOpen && stage.socket.isShutDown && stage.socket.isReading);
    assert.equal(stage.requestsUpstream, 1);
  });

  it('reads on after a request that the upstream took slowly', async () => {
    const stage = new Stage();
    stage.plane.accepts = false;
    stage.socket.receive(`${post(3)}abc`);
    stage.upstream.isBlocked = true;
    stage.upstream.accept();
    stage.upstream.take();
    stage.upstream.receive(ok);
    await stage.assertServes();
  });

  it('reads on after a request that the upstream, already connected, took slowly', async () => {
    const stage = await arrive.idle();
    stage.upstream.isBlocked = true;
    stage.socket.receive(`${post(3)}abc`);
    stage.upstream.take();
    stage.upstream.receive(ok);
    await stage.assertServes();
  });

  it('resets the client when the answer is cut and would look complete, else hangs up behind it', async () => {
    const closed = await arrive.answering();
    closed.upstream.receive('HTTP/1.1 200 OK\r\n\r\nuntil the close');
    closed.upstream.fail();
    assert.ok(closed.socket.wasReset);
    closed.assertClosed();
    const counted = await arrive.answering();
    counted.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort');
    counted.upstream.fail();
    assert.ok(counted.socket.isShutDown && !counted.socket.wasReset);
  });

  it('aborts the exchange when the client fails or is cut', async () => {
    const failed = await arrive.answering();
    failed.socket.fail();
    failed.assertClosed();
    const cut = await arrive.answering();
    assert.equal(cut.client.connection.cut(), true);
    cut.assertClosed();
    for (const { plane, upstream } of [failed, cut]) {
      assert.equal(plane.counter('clientAborts'), 1);
      assert.equal(upstream.isOpen, false);
    }
  });
});

describe('a client connection whose last answer waits for the client', () => {
  it('reads no further when the next request is there already', async () => {
    const stage = await arrive.answering(get().repeat(2));
    stage.socket.isBlocked = true;
    stage.upstream.receive(ok);
    assert.equal(stage.socket.isReading, false);
  });

  it('serves the next request when the client has taken it', async () => {
    const stage = await arrive.flushing();
    assert.equal(stage.socket.isReading, true);
    stage.socket.receive(get('/next'));
    assert.equal(stage.socket.isReading, false);
    assert.equal(stage.requestsUpstream, 1);
    stage.socket.take();
    assert.equal(stage.requestsUpstream, 2);
    stage.upstream.receive(ok);
    await stage.assertServes();
  });

  it('closes when a client that ended has taken it', async () => {
    const stage = await arrive.flushing();
    stage.socket.end();
    assert.ok(stage.socket.isOpen);
    stage.socket.take();
    stage.assertClosed();
    assert.deepEqual(statusesOf(stage.socket), ['200']);
  });

  it('closes when it was the last that the client wants', async () => {
    const stage = await arrive.flushing(closing);
    assert.ok(stage.socket.isOpen);
    stage.socket.take();
    stage.assertClosed();
  });

  it('drops a client that takes nothing, and waits for one that takes something', async () => {
    const stage = await arrive.flushing();
    stage.plane.advance(clientIdleMs + lateMs);
    stage.socket.take(1);
    stage.plane.advance(clientIdleMs + lateMs);
    assert.equal(stage.socket.isOpen, false, 'nothing was taken since the last look');
    const slow = await arrive.flushing();
    for (let count = 0; count < 3; count++) {
      slow.socket.take(1);
      slow.plane.advance(clientIdleMs + lateMs);
    }
    assert.ok(slow.socket.isOpen);
  });
});

describe('a client connection that has said its last word', () => {
  it('drops what still comes, up to a limit', async () => {
    const stage = await arrive.lingering();
    stage.socket.receive(get());
    assert.deepEqual(statusesOf(stage.socket), ['400']);
    for (let sent = get().length; sent < lingerBytesMax; sent += 100_000)
      stage.socket.receive('x'.repeat(100_000));
    stage.assertClosed();
  });

  it('closes when the client ends', async () => {
    const stage = await arrive.lingering();
    stage.socket.end();
    stage.assertClosed();
  });

  it('closes when the client does not hang up for long', async () => {
    const stage = await arrive.lingering();
    stage.plane.advance(lingerMsMax - lateMs);
    assert.ok(stage.socket.isOpen);
    stage.plane.advance(2 * lateMs);
    stage.assertClosed();
  });

  it('sends FIN once the client has taken the answer', async () => {
    const stage = new Stage();
    stage.socket.isBlocked = true;
    stage.socket.receive('nonsense\n');
    assert.equal(stage.socket.isShutDown, false);
    stage.socket.take();
    assert.ok(stage.socket.isShutDown);
    assert.deepEqual(statusesOf(stage.socket), ['400']);
  });

  it('closes when a client that ended before has taken what there is', async () => {
    const stage = await arrive.answering();
    stage.socket.end();
    stage.socket.isBlocked = true;
    stage.upstream.receive('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort');
    stage.upstream.fail();
    await turn();
    assert.ok(stage.socket.isOpen);
    stage.socket.take();
    stage.assertClosed();
    assert.match(stage.socket.sent, /short$/);
  });

  it('is not refused a second time', async () => {
    const stage = await arrive.lingering();
    stage.socket.receive('nonsense\n');
    stage.plane.advance(requestHeadMs);
    assert.deepEqual(statusesOf(stage.socket), ['400']);
    stage.assertClosed();
  });
});

describe('a client connection that is closed', () => {
  it('hears of nothing more, and neither does its exchange', async () => {
    const stage = await arrive.receiving();
    stage.client.connection.cut();
    const { connection } = stage.client;
    connection.onBytes(Buffer.from('def'), 3);
    connection.onEnd();
    connection.onDrained();
    connection.onDeadline();
    assert.equal(connection.cut(), false);
    stage.assertClosed();
    assert.equal(stage.plane.counter('clientAborts'), 1);
  });
});

describe('a pipelined request', () => {
  const pipelined = (stage: Stage): number => stage.plane.counter('pipelinedRequests');

  it('is one whose head was there when the answer before it ended', async () => {
    const together = await arrive.answering(get().repeat(3));
    assert.equal(pipelined(together), 0);
    for (const count of [1, 2]) {
      together.upstream.receive(ok);
      await turn();
      assert.equal(pipelined(together), count);
    }
    const meanwhile = await arrive.answering();
    meanwhile.socket.receive(get());
    meanwhile.upstream.receive(ok);
    assert.equal(pipelined(meanwhile), 1);
    const flushing = await arrive.flushing();
    flushing.socket.receive(get());
    flushing.socket.take();
    assert.equal(pipelined(flushing), 1);
  });

  it('is none that comes later, whole or in part, nor one that waits in a crowd', async () => {
    const later = await arrive.idle();
    await later.assertServes();
    assert.equal(pipelined(later), 0);
    const inPart = await arrive.answering(`${get()}GET / HT`);
    inPart.upstream.receive(ok);
    inPart.socket.receive('TP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(inPart.requestsUpstream, 2);
    assert.equal(pipelined(inPart), 0);
    const queued = await arrive.queued();
    await turn();
    await turn();
    assert.equal(queued.requestsUpstream, 1);
    assert.equal(pipelined(queued), 0);
  });

  it('is counted once, also where it waits for a later turn', async () => {
    const stage = await arrive.yielded();
    await turn();
    assert.equal(pipelined(stage), pipelinedRequestsPerTurnMax);
    assert.equal(statusesOf(stage.socket).length, pipelinedRequestsPerTurnMax + 1);
  });
});

describe('a refused request', () => {
  it('is the last of a connection that served others before', async () => {
    const stage = await arrive.idle();
    stage.socket.receive(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n${get()}`);
    await turn();
    assert.deepEqual(statusesOf(stage.socket), ['200', '400']);
    assert.ok(stage.socket.isShutDown);
  });
});
