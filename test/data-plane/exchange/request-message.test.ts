import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestMessage } from '#src/data-plane/exchange/request-message.ts';
import type { BufferPool } from '#src/data-plane/transport/buffer-pool.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { FakePlane } from '../../support/fake-plane.ts';
import { headOf } from '../../support/recording-client.ts';

const get = 'GET /path?query=1 HTTP/1.1\r\nHost: h\r\n\r\n';

function begin(text: string, runtime: WorkerRuntime = new FakePlane().runtime): RequestMessage {
  const message = new RequestMessage(runtime);
  const additions = runtime.additionsFor(runtime.peers.find('192.0.2.1'));
  message.begin(headOf(text, runtime), Buffer.from(text, 'latin1'), additions);
  return message;
}

const textOf = ({ buffer, length }: RequestMessage): string => buffer.toString('latin1', 0, length);

/** Whether the pool would hand out this buffer next. */
function isFree(pool: BufferPool, buffer: Buffer): boolean {
  const next = pool.take();
  pool.give(next);
  return next === buffer;
}

describe('a request message', () => {
  it('is the head as it goes upstream, with what was added', () => {
    const message = begin(get);
    assert.match(
      textOf(message),
      /^GET \/path\?query=1 HTTP\/1\.1\r\nHost: h\r\nX-Forwarded-For: 192\.0\.2\.1\r\n/,
    );
    assert.ok(textOf(message).endsWith(`X-Request-Id: ${message.requestId}\r\n\r\n`));
    assert.match(message.requestId, /^[0-9a-f]{32}$/);
  });

  it('knows of its head what the exchange needs', () => {
    const upgrade = begin('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.deepEqual([upgrade.isUpgrade, upgrade.isIdempotent, upgrade.isHead], [true, true, false]);
    const head = begin('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.deepEqual([head.isUpgrade, head.isIdempotent, head.isHead], [false, true, true]);
    const post = begin('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n');
    assert.deepEqual([post.isUpgrade, post.isIdempotent, post.isHead], [false, false, false]);
    assert.deepEqual([post.body.isDone, post.body.bytesLeft], [false, 3]);
  });

  it('names method and path for an operator, without the query, and not for ever', () => {
    assert.equal(begin(get).startLine, 'GET /path');
    assert.equal(begin('GET / HTTP/1.1\r\nHost: h\r\n\r\n').startLine, 'GET /');
    assert.equal(begin(get.replace('/path', `/${'p'.repeat(300)}`)).startLine.length, 200);
  });

  it('begins in a small buffer, or in a large one when its head needs that', () => {
    const { runtime } = new FakePlane();
    const smallTaken: Buffer[] = [];
    const take = runtime.smallRequests.take.bind(runtime.smallRequests);
    runtime.smallRequests.take = () => {
      const buffer = take();
      smallTaken.push(buffer);
      return buffer;
    };
    assert.equal(begin(get, runtime).buffer.length, runtime.smallRequests.bytes);
    const cookie = 'c'.repeat(runtime.smallRequests.bytes);
    const large = begin(get.replace('\r\n\r\n', `\r\nCookie: ${cookie}\r\n\r\n`), runtime);
    assert.equal(large.buffer.length, runtime.largeRequests.bytes);
    assert.equal(smallTaken.length, 2);
    assert.equal(isFree(runtime.smallRequests, smallTaken[1] as Buffer), true, 'the small one is free again');
    assert.ok(textOf(large).includes(`Cookie: ${cookie}\r\n`));
    assert.ok(textOf(large).endsWith(`${large.requestId}\r\n\r\n`));
  });

  it('keeps a body behind the head, moves to a larger buffer for it, and says when that is full', () => {
    const { runtime } = new FakePlane();
    const message = begin('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n', runtime);
    const head = textOf(message);
    const piece = Buffer.alloc(3_000, 'b');
    assert.equal(message.append(piece, 0, piece.length), true);
    assert.equal(message.buffer.length, runtime.smallRequests.bytes);
    assert.equal(message.append(piece, 0, piece.length), true);
    assert.equal(message.buffer.length, runtime.largeRequests.bytes);
    assert.equal(textOf(message), head + 'b'.repeat(6_000));
    let kept = 6_000;
    while (message.append(piece, 0, piece.length)) kept += piece.length;
    assert.ok(kept > runtime.config.limits.replayBytes);
    assert.equal(textOf(message), head + 'b'.repeat(kept), 'what did not fit changed nothing');
  });

  it('says whether it may be kept for a second time', () => {
    const { runtime } = new FakePlane({ limits: { replayBytes: 1_000 } });
    const message = begin('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n', runtime);
    const room = 1_000 - message.length;
    message.append(Buffer.alloc(room), 0, room);
    assert.equal(message.isWithinReplayLimit, true);
    message.append(Buffer.alloc(1), 0, 1);
    assert.equal(message.isWithinReplayLimit, false);
  });

  it('gives its buffer back at its end, unless a write still needs it', () => {
    const { runtime } = new FakePlane();
    const message = begin(get, runtime);
    const { buffer } = message;
    message.end(false);
    assert.equal(isFree(runtime.smallRequests, buffer), true);
    assert.deepEqual([message.length, message.isWhole], [0, false]);
    const pending = begin(get, runtime);
    const written = pending.buffer;
    pending.end(true);
    assert.equal(isFree(runtime.smallRequests, written), false);
  });

  it('leaves the small buffer that it grew out of to the write that may need it', () => {
    const { runtime } = new FakePlane();
    const message = begin('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n', runtime);
    const small = message.buffer;
    message.append(Buffer.alloc(5_000), 0, 5_000);
    const large = message.buffer;
    message.end(false);
    assert.equal(isFree(runtime.smallRequests, small), false);
    assert.equal(isFree(runtime.largeRequests, large), true);
  });
});
