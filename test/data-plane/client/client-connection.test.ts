import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { authorityBytesMax, pipelinedRequestsPerTurnMax } from '#src/limits.ts';
import { FakePlane } from '../../support/fake-plane.ts';
import type { FakeSocket } from '../../support/fake-socket.ts';

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
const statusesOf = ({ sent }: FakeSocket): string[] =>
  [...sent.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);

/** A worker that answers each request with 503 at once. */
const down = (limits: { headBytes?: number } = {}): FakePlane => new FakePlane({ isDown: true, limits });

describe('a client connection', () => {
  it('answers all of many pipelined requests, wherever its bytes were cut', async () => {
    const count = 3 * pipelinedRequestsPerTurnMax;
    const text = Array.from({ length: count }, (_, index) => get(`/${index}`)).join('');
    for (const cut of [text.length - 1_510, text.length - 7, 40]) {
      const { socket, connection } = down().connect();
      socket.receive(text.slice(0, cut));
      socket.receive(text.slice(cut));
      for (let turns = 0; turns < 10; turns++) await turn();
      assert.deepEqual(statusesOf(socket), Array(count).fill('503'), `cut at ${cut}`);
      assert.ok(connection.isIdle);
    }
  });

  it('ends alone when handling its request throws, in a later turn too', async () => {
    const plane = down();
    const [broken, other] = [plane.connect(), plane.connect()];
    const { requestIds } = plane.runtime;
    const { next } = requestIds;
    broken.socket.receive(get('/').repeat(pipelinedRequestsPerTurnMax + 1));
    requestIds.next = () => {
      throw new Error('a mistake of ours');
    };
    await turn();
    requestIds.next = next;
    assert.equal(broken.socket.isOpen, false);
    assert.match(String(plane.log[0]?.fields?.error), /a mistake of ours/);
    other.socket.receive(get('/'));
    assert.deepEqual(statusesOf(other.socket), ['503']);
  });

  it('holds the longest head with the longest Host, and refuses a longer one', () => {
    const headBytes = 124 * 1024;
    const plane = down({ headBytes });
    const request = (hostBytes: number): string => {
      const head = `GET / HTTP/1.1\r\nHost: ${'h'.repeat(hostBytes)}\r\nA: `;
      return `${head}${'a'.repeat(headBytes - head.length - 4)}\r\n\r\n`;
    };
    const [longest, tooLong] = [plane.connect(), plane.connect()];
    longest.socket.receive(request(authorityBytesMax));
    assert.deepEqual(statusesOf(longest.socket), ['503']);
    tooLong.socket.receive(request(authorityBytesMax + 1));
    assert.deepEqual(statusesOf(tooLong.socket), ['400']);
    assert.deepEqual(plane.log, []);
  });

  it('refuses a HEAD request without a body', () => {
    const plane = down();
    const refused = ['HEAD / HTTP/1.1\r\n\r\n', 'HEAD * HTTP/1.1\r\n', 'HEAD / HTTP/2.0\r\n'].map((text) => {
      const { socket } = plane.connect();
      socket.receive(text);
      return socket;
    });
    const slow = plane.connect();
    slow.socket.receive('\r\nHEAD / HTTP/1.1\r\nHost:');
    plane.advance(2 * plane.runtime.config.timeouts.requestHeadMs);
    for (const { sent } of [...refused, slow.socket]) {
      assert.match(sent, /^HTTP\/1\.1 (400|408|505) /);
      assert.match(sent, /\r\n\r\n$/);
    }
    const withBody = plane.connect();
    withBody.socket.receive('GET / HTTP/1.1\r\n\r\n');
    assert.match(withBody.socket.sent, /host_invalid/);
  });

  it('counts every byte that it reads and sends', () => {
    const plane = down();
    const { socket } = plane.connect();
    socket.receive(get('/'));
    socket.receive('nonsense\n');
    assert.equal(plane.counter('bytesFromClients'), get('/').length + 'nonsense\n'.length);
    assert.equal(plane.counter('bytesToClients'), socket.sent.length);
  });
});
