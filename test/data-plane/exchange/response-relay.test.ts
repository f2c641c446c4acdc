import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { RequestMessage } from '#src/data-plane/exchange/request-message.ts';
import { HeadResult, RelayResult, ResponseRelay } from '#src/data-plane/exchange/response-relay.ts';
import type { BufferPool } from '#src/data-plane/transport/buffer-pool.ts';
import { interimResponsesMax } from '#src/limits.ts';
import { FakePlane } from '../../support/fake-plane.ts';
import { headOf, RecordingClient } from '../../support/recording-client.ts';

const upgrade = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n';

/** A relay of the answer to one request, fed as an exchange feeds it. */
class Rig {
  readonly runtime = new FakePlane().runtime;
  readonly client = new RecordingClient();
  readonly request = new RequestMessage(this.runtime);
  readonly relay = new ResponseRelay(this.runtime);

  buffersTaken = 0;
  buffersGiven = 0;

  constructor(request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n') {
    const { runtime } = this;
    this.#watch(runtime.largeInputs);
    const additions = runtime.additionsFor(runtime.peers.find('192.0.2.1'));
    this.request.begin(headOf(request, runtime), Buffer.from(request, 'latin1'), additions);
  }

  #watch(pool: BufferPool): void {
    const [take, give] = [pool.take.bind(pool), pool.give.bind(pool)];
    pool.take = () => {
      this.buffersTaken++;
      return take();
    };
    pool.give = (buffer) => {
      this.buffersGiven++;
      give(buffer);
    };
  }

  /** Bytes arrive before the final head is there. */
  read(text: string): HeadResult {
    const bytes = Buffer.from(text, 'latin1');
    const { responseHead } = this.runtime;
    return this.relay.readHead(responseHead, bytes, bytes.length, this.request, this.client);
  }

  forward(): boolean {
    return this.relay.forwardHead(this.runtime.responseHead, this.client, true);
  }

  pass(text: string): RelayResult {
    return this.relay.relay(Buffer.from(text, 'latin1'), text.length, this.client);
  }

  /** A whole answer, in pieces that end where `cuts` say. */
  receive(text: string, cuts: readonly number[]): void {
    let from = 0;
    for (const to of [...cuts, text.length]) {
      const piece = text.slice(from, to);
      from = to;
      if (this.relay.isHeadForwarded) this.pass(piece);
      else if (this.read(piece) === HeadResult.final) this.forward();
    }
  }
}

describe('a response relay', () => {
  it('finds the final head and what came of the body with it', () => {
    const rig = new Rig();
    assert.equal(rig.read(counted), HeadResult.final);
    assert.deepEqual(rig.client.calls, [], 'nothing is sent before it is accepted');
    assert.equal(rig.forward(), true);
    assert.deepEqual(rig.client.calls, ['head 200 hello end']);
    assert.ok(rig.relay.isHeadForwarded && rig.relay.body.isDone && rig.relay.isUpstreamReusable);
  });

  it('passes the same on wherever the bytes are cut, and keeps no buffer', (t) => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    t.diagnostic(`seed ${seed}`);
    const random = createRandom(seed);
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n';
    for (const [interimCount, answer, body] of [
      [0, counted, 'hello'],
      [0, chunked, chunked.slice(chunked.indexOf('\r\n\r\n') + 4)],
      [2, `${interim}${interim}${counted}`, 'hello'],
    ] as const) {
      for (let round = 0; round < 200; round++) {
        const rig = new Rig();
        const cuts = Array.from({ length: 6 }, () => random.nextUint32() % answer.length);
        rig.receive(
          answer,
          cuts.toSorted((a, b) => a - b),
        );
        const { calls } = rig.client;
        assert.equal(calls.filter((call) => call === 'interim 103').length, interimCount, `cut at ${cuts}`);
        const finals = calls.filter((call) => !call.startsWith('interim'));
        assert.match(finals[0] ?? '', /^head 200 /);
        assert.match(finals.at(-1) ?? '', / end$/);
        const passed = finals.map((call) => call.replace(/^(head 200|body) | end$/g, '')).join('');
        assert.equal(passed, body, `cut at ${cuts}`);
        assert.equal(rig.buffersTaken, rig.buffersGiven);
      }
    }
  });

  it('refuses more interim heads than anybody sends, and a head larger than any', () => {
    const many = new Rig();
    const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
    assert.equal(many.read(interim.repeat(interimResponsesMax)), HeadResult.incomplete);
    assert.equal(many.read(interim), HeadResult.invalid);
    const large = new Rig();
    let result: HeadResult = large.read('HTTP/1.1 200 OK\r\n');
    for (let count = 0; result === HeadResult.incomplete && count < 100; count++)
      result = large.read(`A${count}: ${'x'.repeat(10_000)}\r\n`);
    assert.equal(result, HeadResult.invalid);
  });

  it('refuses a body that contradicts itself, with its head or later', () => {
    const withHead = new Rig();
    assert.equal(
      withHead.read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'),
      HeadResult.invalid,
    );
    const later = new Rig();
    later.read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    later.forward();
    assert.equal(later.pass('x\r\n'), RelayResult.invalid);
  });

  it('does not trust a connection on which more came than the answer', () => {
    const withHead = new Rig();
    withHead.read(`${counted}HTTP/1.1`);
    withHead.forward();
    assert.deepEqual(withHead.client.calls, ['head 200 hello end']);
    const later = new Rig();
    later.read(counted.slice(0, -2));
    later.forward();
    later.pass('loHTTP/1.1');
    assert.deepEqual(later.client.calls, ['head 200 hel', 'body lo end']);
    for (const { relay } of [withHead, later]) assert.equal(relay.isUpstreamReusable, false);
  });

  it('says when part of what it passed on waits for the client', () => {
    const rig = new Rig();
    rig.client.hasPendingWrites = true;
    rig.read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
    assert.equal(rig.forward(), false);
    assert.equal(rig.pass('def'), RelayResult.pending);
    rig.client.hasPendingWrites = false;
    assert.equal(rig.pass('ghi'), RelayResult.flushed);
  });

  it('starts over for the answer of another upstream', () => {
    const rig = new Rig();
    rig.read('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nConte');
    rig.relay.reset();
    assert.equal(rig.read(counted), HeadResult.final);
    rig.forward();
    assert.deepEqual(rig.client.calls, ['interim 103', 'head 200 hello end']);
  });

  it('knows the length of an answer by its request: none to HEAD', () => {
    const rig = new Rig('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
    rig.read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    rig.forward();
    assert.deepEqual(rig.client.calls, ['head 200  end']);
  });

  it('switches protocols where the request asked for it, with what came behind the head', () => {
    const answer =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst';
    assert.equal(new Rig().read(answer), HeadResult.invalid);
    const rig = new Rig(upgrade);
    assert.equal(rig.read(answer), HeadResult.final);
    assert.equal(rig.relay.forwardSwitch(rig.runtime.responseHead, rig.client).toString(), 'first');
    assert.deepEqual(rig.client.calls, ['switch 101']);
  });
});
