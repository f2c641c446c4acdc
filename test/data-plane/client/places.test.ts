// Who gives way when places are short, on a plane without a network.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ATTEMPT, attemptOffset, WORKER, X } from '#src/shared-memory/layout.ts';
import { type FakeClient, FakePlane, type FakePlaneOptions } from '../../support/fake-plane.ts';

const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const upload = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na';

const isOpen = ({ socket }: FakeClient): boolean => socket.isOpen;
const statusOf = ({ socket }: FakeClient): string | undefined => /^HTTP\/1\.1 (\d+)/.exec(socket.sent)?.[1];

/** What of the requests of X is in the comparison: client aborts, failures; and those that are not. */
const charged = ({ runtime }: FakePlane): number[] => {
  const at = attemptOffset(X, 0);
  const block = runtime.slab.subarray(at, at + ATTEMPT.size);
  const failures = block.subarray(ATTEMPT.failures, ATTEMPT.failures + 8).reduce((sum, one) => sum + one, 0);
  return [block[ATTEMPT.clientAborts] as number, failures, block[ATTEMPT.ownShortages] as number];
};

async function clientsOf(plane: FakePlane, ...texts: readonly string[]): Promise<FakeClient[]> {
  const clients: FakeClient[] = [];
  for (const text of texts) {
    const client = plane.connect();
    if (text !== '') client.socket.receive(text);
    clients.push(client);
    await turn();
    plane.advance(100);
  }
  return clients;
}

describe('a place for another client', () => {
  it('is that of who has sent nothing for longest', async () => {
    const plane = new FakePlane();
    const clients = await clientsOf(plane, '', '', '');
    const ends = [];
    for (let round = 0; round < 2; round++) {
      assert.equal(plane.places.forClient(), true);
      ends.push(clients.map(isOpen));
    }
    assert.deepEqual(ends, [
      [false, true, true],
      [false, false, true],
    ]);
    assert.equal(plane.counter('gaveWaySilent'), 2);
  });

  it('is that of an idle client where none is silent, and of no client that waits for its answer', async () => {
    const plane = new FakePlane();
    const [busy, idle] = await clientsOf(plane, get, get);
    assert.ok(busy && idle);
    plane.upstream(1).receive(ok);
    plane.advance(1_000);
    assert.equal(plane.places.forClient(), true);
    assert.deepEqual([busy, idle].map(isOpen), [true, false]);
    assert.equal(plane.counter('gaveWayIdle'), 1);
    assert.equal(plane.places.forClient(), false);
    assert.equal(isOpen(busy), true);
  });

  it('is not that of a crowd which has just come', async () => {
    const plane = new FakePlane();
    const client = plane.connect();
    assert.equal(plane.places.forClient(), false);
    plane.advance(300);
    assert.equal(plane.places.forClient(), true);
    assert.equal(isOpen(client), false);
  });

  it('is looked for a few times a tick, however many ask', () => {
    const plane = new FakePlane();
    let looks = 0;
    const { registry } = plane;
    const those = registry.those.bind(registry);
    registry.those = (wanted) => {
      looks++;
      return those(wanted);
    };
    Object.defineProperty(registry, 'size', { value: 10_000 });
    for (let ask = 0; ask < 100; ask++) assert.equal(plane.places.forClient(), false);
    assert.ok(looks > 0 && looks < 10, `${looks} looks`);
    plane.advance(100);
    plane.places.forClient();
    assert.ok(looks > 1);
  });
});

describe('a place for another connection to a node', () => {
  const short: FakePlaneOptions = { limits: { upstreamConnections: 2 } };

  it('is that of uploads that stall: they are told so, and nothing is charged to the cluster', async () => {
    const plane = new FakePlane(short);
    const [stalled, active] = await clientsOf(plane, upload, upload);
    assert.ok(stalled && active);
    plane.advance(2_000);
    active.socket.receive('bcd');
    const [victim] = await clientsOf(plane, get);
    assert.ok(victim);
    assert.deepEqual([statusOf(stalled), isOpen(active), isOpen(victim)], ['408', true, true]);
    assert.equal(statusOf(active), undefined);
    plane.upstream(2).receive(ok);
    assert.equal(statusOf(victim), '200');
    assert.equal(plane.counter('gaveWayUpload'), 1);
    assert.deepEqual(charged(plane), [0, 0, 1]);
  });

  it('is that of clients that have left, before that of others', async () => {
    const plane = new FakePlane(short);
    const [left, stalled] = await clientsOf(plane, get, upload);
    assert.ok(left && stalled);
    left.socket.end();
    plane.advance(1_000);
    const [victim] = await clientsOf(plane, get);
    assert.ok(victim);
    plane.upstream(2).receive(ok);
    assert.equal(statusOf(victim), '200');
    assert.deepEqual([left, stalled].map(isOpen), [false, true]);
    assert.deepEqual([plane.counter('gaveWayLeft'), plane.counter('gaveWayUpload')], [1, 0]);
    assert.deepEqual(charged(plane), [0, 0, 1]);
  });

  it('is that of clients that take nothing of their answer', async () => {
    const plane = new FakePlane(short);
    const [reader, waiting] = await clientsOf(plane, get, get);
    assert.ok(reader && waiting);
    reader.socket.isBlocked = true;
    plane.upstream(0).receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
    plane.advance(2_000);
    const [victim] = await clientsOf(plane, get);
    assert.ok(victim);
    plane.upstream(2).receive(ok);
    assert.deepEqual([isOpen(reader), isOpen(waiting), statusOf(victim)], [false, true, '200']);
    assert.equal(plane.counter('gaveWayReader'), 1);
  });

  it('is nobody’s where all wait for their answers: the newcomer is told so, and nobody is charged', async () => {
    const plane = new FakePlane(short);
    const [one, two, victim] = await clientsOf(plane, get, get, get);
    assert.ok(one && two && victim);
    assert.equal(statusOf(victim), '503');
    assert.deepEqual([one, two].map(isOpen), [true, true]);
    assert.deepEqual(charged(plane), [0, 0, 1]);
    assert.equal(plane.runtime.slab[WORKER.clientAborts], 0);
  });
});

describe('a client that holds a place', () => {
  it('has the time of a head from its beginning to the end of its first', async () => {
    const plane = new FakePlane({ timeouts: { requestHeadMs: 1_000 } });
    const [silent, slow] = await clientsOf(plane, '', '');
    assert.ok(silent && slow);
    plane.advance(600);
    slow.socket.receive('GET / HT');
    plane.advance(200);
    assert.deepEqual([silent, slow].map(isOpen), [true, true]);
    plane.advance(400);
    assert.equal(isOpen(silent), false);
    assert.equal(silent.socket.sent, '');
    assert.equal(statusOf(slow), '408');
  });

  it('has some time for an answer to begin once it has ended its side', async () => {
    const plane = new FakePlane({ timeouts: { clientLeftMs: 1_000 } });
    const [left, answered] = await clientsOf(plane, get, get);
    assert.ok(left && answered);
    for (const { socket } of [left, answered]) socket.end();
    plane.upstream(1).receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
    plane.advance(900);
    assert.deepEqual([left, answered].map(isOpen), [true, true]);
    plane.advance(400);
    assert.deepEqual([left, answered].map(isOpen), [false, true]);
    plane.advance(60_000);
    plane.upstream(1).receive('defghi');
    assert.match(answered.socket.sent, /abcdefghi$/);
  });

  it('has to send its body at the least rate, and within the time for all of it', async () => {
    const body = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n';
    const plane = new FakePlane({
      timeouts: { requestBodyMs: 1_000, requestBodyTotalMs: 5_000 },
      limits: { bodyBytesPerSecond: 1_000 },
    });
    const [dripping, slow, fast] = await clientsOf(plane, body, body, body);
    assert.ok(dripping && slow && fast);
    for (let second = 0; second < 3; second++) {
      plane.advance(500);
      dripping.socket.receive('a');
      slow.socket.receive('a'.repeat(600));
      fast.socket.receive('a'.repeat(6_000));
    }
    assert.deepEqual([dripping, slow, fast].map(statusOf), ['408', undefined, undefined]);
    for (let second = 0; second < 9; second++) {
      plane.advance(500);
      slow.socket.receive('a'.repeat(600));
      fast.socket.receive('a'.repeat(600));
    }
    assert.deepEqual([dripping, slow, fast].map(statusOf), ['408', '408', '408']);
  });
});
