// Raw sockets against real ones: what of a write the kernel does not take at once arrives as it was when it
// was written.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket as NetSocket, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connectRaw, type RawSocket, RawSocketEnvironment } from '#src/data-plane/transport/raw-socket.ts';
import type { ConnectingOwner } from '#src/data-plane/transport/socket.ts';
import { loadTcpBinding } from '#src/data-plane/transport/tcp-binding.ts';

const KiB = 1024;
const sharedBytes = 128 * KiB;
/** More than a socket's buffers on both sides ever take. */
const piecesMax = 1_000;

function newEnvironment(): RawSocketEnvironment {
  const binding = loadTcpBinding();
  assert.ok(binding !== null);
  const onDefect = (error: unknown) => assert.fail(error as Error);
  return new RawSocketEnvironment(binding, Buffer.alloc(sharedBytes), onDefect);
}

async function listen(t: TestContext): Promise<{ server: Server; port: number }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

interface Connected {
  readonly socket: RawSocket;
  readonly peer: NetSocket;
  readonly drained: Promise<void>;
}

async function connect(environment: RawSocketEnvironment, server: Server, port: number): Promise<Connected> {
  const drained = Promise.withResolvers<void>();
  const connected = Promise.withResolvers<void>();
  const owner: ConnectingOwner = {
    onConnected: connected.resolve,
    onBytes: () => {},
    onEnd: () => {},
    onDrained: drained.resolve,
    onFailed: (code) => connected.reject(new Error(code)),
  };
  const accepted = once(server, 'connection');
  const socket = connectRaw(environment, '127.0.0.1', port, owner);
  const [peer] = (await accepted) as [NetSocket];
  await connected.promise;
  return { socket, peer, drained: drained.promise };
}

/** Writes whole shared buffers, each of one letter, until one has to wait; returns how many. */
function fill(socket: RawSocket, { sharedBuffer }: RawSocketEnvironment, letter: number): number {
  for (let count = 1; count <= piecesMax; count++) {
    sharedBuffer.fill(letter);
    const isTaken = socket.writeShared(sharedBuffer, 0, sharedBytes);
    sharedBuffer.fill(0);
    if (!isTaken) return count;
  }
  return assert.fail('the kernel took everything');
}

/** Reads so many bytes, and says whether each was the letter. */
async function readAll(peer: NetSocket, byteCount: number, letter: number): Promise<boolean> {
  let left = byteCount;
  let isSame = true;
  const done = Promise.withResolvers<void>();
  peer.on('data', (bytes: Buffer) => {
    isSame &&= bytes.every((byte) => byte === letter);
    left -= bytes.length;
    if (left <= 0) done.resolve();
  });
  peer.resume();
  await done.promise;
  return isSame && left === 0;
}

test('a raw socket sends what it was given when the shared buffer is used again while part of it waits', async (t) => {
  const environment = newEnvironment();
  const { server, port } = await listen(t);
  const { socket, peer, drained } = await connect(environment, server, port);
  const count = fill(socket, environment, 0x61);
  assert.ok(socket.hasPendingWrites);
  assert.ok(await readAll(peer, count * sharedBytes, 0x61));
  await drained;
  assert.ok(!socket.hasPendingWrites);
  socket.destroy();
});

test('raw sockets use a buffer for what waits one after the other, and not two at a time', async (t) => {
  const environment = newEnvironment();
  const { server, port } = await listen(t);
  const [first, second, third] = [
    await connect(environment, server, port),
    await connect(environment, server, port),
    await connect(environment, server, port),
  ];
  const firstCount = fill(first.socket, environment, 0x61);
  fill(second.socket, environment, 0x62);
  // The kernel reads from the second's buffer no more, but nobody may have it before that is certain.
  second.socket.destroy();
  const thirdCount = fill(third.socket, environment, 0x63);
  assert.ok(await readAll(first.peer, firstCount * sharedBytes, 0x61));
  assert.ok(await readAll(third.peer, thirdCount * sharedBytes, 0x63));
  await Promise.all([first.drained, third.drained]);
  const free = [environment.rests.take(), environment.rests.take(), environment.rests.take()];
  assert.equal(new Set(free).size, 3, 'each is free once');
  for (const { socket, peer } of [first, second, third]) {
    socket.destroy();
    peer.destroy();
  }
});

test('a raw socket sends more than a shared buffer at once when it is given as much', async (t) => {
  const environment = newEnvironment();
  const { server, port } = await listen(t);
  const { socket, peer, drained } = await connect(environment, server, port);
  const count = fill(socket, environment, 0x61);
  const large = Buffer.alloc(3 * sharedBytes, 0x61);
  assert.equal(socket.writeShared(large, 0, large.length), false);
  large.fill(0);
  assert.ok(await readAll(peer, (count + 3) * sharedBytes, 0x61));
  await drained;
  socket.destroy();
});
