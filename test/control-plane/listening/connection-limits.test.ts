import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Connection,
  ConnectionLimits,
  connectionGraceMs,
  connectionsAtOnceMax,
  connectionsMax,
  connectionsPerPeerMax,
  type Origin,
  peerOf,
} from '#src/control-plane/listening/connection-limits.ts';

function rig() {
  const destroyed: string[] = [];
  const crowded: Origin[] = [];
  let nowMs = 0;
  let due: (() => void) | null = null;
  const limits = new ConnectionLimits({
    monotonicMs: () => nowMs,
    later: (trim) => {
      due = trim;
    },
    onCrowded: (origin) => crowded.push(origin),
  });
  const admit = (origin: Origin, address: string, name = address): Connection | null =>
    limits.admit(origin, address, () => destroyed.push(name));
  /** Time passes; what is due by then happens. */
  const pass = (ms = connectionGraceMs): void => {
    nowMs += ms;
    const trim = due;
    due = null;
    trim?.();
  };
  return { limits, admit, pass, destroyed, crowded };
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

test('connection limits let the oldest one give way that has not shown who it is when places are taken', () => {
  const { admit, pass, destroyed, crowded } = rig();
  const known = admit('loopback', '127.0.0.1', 'known');
  assert.ok(known !== null);
  known.isKnown = true;
  for (const name of numbered(connectionsMax.loopback - 1)) admit('loopback', '127.0.0.1', name);
  pass();
  assert.deepEqual([destroyed, crowded], [[], []]);
  for (let index = 0; index < 300; index++)
    assert.notEqual(admit('loopback', '127.0.0.1', `new ${index}`), null);
  pass();
  assert.deepEqual(destroyed.slice(0, 2), ['0', '1']);
  assert.equal(destroyed.length, 300);
  assert.ok(!destroyed.includes('known'));
  assert.deepEqual(crowded, ['loopback']);
});

test('connection limits leave newcomers the time to show who they are when hundreds come at once', () => {
  const { admit, pass, destroyed, limits } = rig();
  for (const name of numbered(connectionsMax.loopback)) admit('loopback', '127.0.0.1', name);
  pass(10);
  const late = admit('loopback', '127.0.0.1', 'late');
  pass(connectionGraceMs - 10);
  assert.deepEqual(destroyed, ['0']);
  for (const name of numbered(300)) admit('loopback', '127.0.0.1', `more ${name}`);
  assert.ok(late !== null);
  late.isKnown = true;
  pass();
  assert.ok(!destroyed.includes('late'));
  assert.equal(limits.count, connectionsMax.loopback);
});

test('connection limits bound what comes at once, whatever its age', () => {
  const { admit, destroyed, limits } = rig();
  for (const name of numbered(connectionsAtOnceMax + 10)) admit('loopback', '127.0.0.1', name);
  assert.equal(limits.count, connectionsAtOnceMax);
  assert.deepEqual(destroyed, numbered(10));
});

test('connection limits bound one peer below what all of the network has', () => {
  const { admit, pass, destroyed } = rig();
  admit('network', '192.0.2.1', 'other');
  for (const name of numbered(connectionsPerPeerMax + 10)) admit('network', '198.51.100.7', name);
  pass();
  assert.deepEqual(destroyed, numbered(10));
});

test('connection limits count the addresses of one IPv6 network together', () => {
  const { admit, pass, destroyed } = rig();
  for (const name of numbered(connectionsPerPeerMax + 1)) admit('network', `2001:db8::${name}`);
  pass();
  assert.deepEqual(destroyed, ['2001:db8::0']);
  assert.equal(peerOf('2001:db8::1'), peerOf('2001:db8::ffff:1'));
  assert.notEqual(peerOf('2001:db8::1'), peerOf('2001:db8:0:1::1'));
  assert.equal(peerOf('::ffff:192.0.2.1'), peerOf('192.0.2.1'));
});

test('connection limits keep places for this machine and for sockets when the network has taken all of its own', () => {
  const { admit, pass, destroyed } = rig();
  for (let index = 0; index < connectionsMax.network * 2; index++) {
    const connection = admit('network', `192.0.2.${index % 256}`);
    if (connection !== null) Object.assign(connection, { isKnown: true, openRequests: 1 });
  }
  for (const name of numbered(connectionsMax.loopback))
    assert.notEqual(admit('loopback', '127.0.0.1', name), null);
  for (const name of numbered(connectionsMax.socket)) assert.notEqual(admit('socket', '', name), null);
  pass();
  assert.deepEqual(destroyed, []);
});

test('connection limits take one that reads no answer, then one that is kept for later, and never one at work', () => {
  const { admit, pass, destroyed } = rig();
  const all = numbered(connectionsMax.socket).map((name) => admit('socket', '', name));
  for (const connection of all) {
    assert.ok(connection !== null);
    Object.assign(connection, { isKnown: true, openRequests: 1 });
  }
  const [, second, third] = all as Connection[];
  assert.ok(second !== undefined && third !== undefined);
  second.isKnown = false;
  third.openRequests = 0;
  pass();
  for (const name of ['a', 'b', 'c']) {
    const connection = admit('socket', '', name);
    assert.ok(connection !== null);
    Object.assign(connection, { isKnown: true, openRequests: 1 });
  }
  pass();
  assert.deepEqual(destroyed, ['1', '2']);
});

test('connection limits have a place again when a connection has ended', () => {
  const { admit, pass, limits, destroyed } = rig();
  const one = admit('socket', '');
  for (const name of numbered(connectionsMax.socket - 1)) admit('socket', '', name);
  assert.ok(one !== null);
  limits.release(one);
  admit('socket', '');
  pass();
  assert.deepEqual(destroyed, []);
});
