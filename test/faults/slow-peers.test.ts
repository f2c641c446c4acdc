// Peers that don't read: what they leave unread must stay with the one who sends it, not in the proxy's
// memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import {
  askForDownload,
  LargeUpstream,
  largeBodyDigest,
  readAnsweredDigest,
  readBodyDigest,
  upload,
} from '../support/large-body.ts';
import { hasProc, rssBytes } from '../support/proc.ts';
import { untilStill } from '../support/stillness.ts';
import { fetchOnce } from '../support/wire-client.ts';

const MiB = 1024 * 1024;
const bodyBytes = 32 * MiB;
const peers = 12;
const growthBytesMax = 64 * MiB;
const bodyDigest = largeBodyDigest(bodyBytes);

describe('peers that do not read', { concurrency: false, skip: !hasProc }, () => {
  const upstream = new LargeUpstream(bodyBytes);
  let crossover: Crossover;
  before(async () => {
    await upstream.listen();
    crossover = await startCrossover(testConfig({ x: [upstream.port], y: [upstream.port] }));
    await Promise.all(Array.from({ length: 50 }, () => fetchOnce(crossover.port, '/-ok')));
  });
  after(async () => {
    await crossover?.stop();
    upstream.stop();
  });

  it('leave a download with the upstream, and get it whole when they read', async () => {
    const before = rssBytes(crossover.pid);
    const sockets = Array.from({ length: peers }, () => connect(crossover.port, '127.0.0.1').pause());
    for (const socket of sockets) askForDownload(socket);
    await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
    const growth = rssBytes(crossover.pid) - before;
    assert.ok(growth < growthBytesMax, `${Math.round(growth / MiB)} MiB for ${peers} unread downloads`);
    const digests = await Promise.all(sockets.map(readBodyDigest));
    assert.deepEqual(new Set(digests), new Set([bodyDigest]));
  });

  it('leave an upload with the client, and get it whole when they read', async () => {
    const before = rssBytes(crossover.pid);
    const sockets = Array.from({ length: peers }, () => connect(crossover.port, '127.0.0.1'));
    for (const socket of sockets) upload(socket, bodyBytes);
    await upstream.signal.until(() => upstream.uploads === peers, 'the uploads to reach the upstream');
    await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
    const growth = rssBytes(crossover.pid) - before;
    assert.ok(growth < growthBytesMax, `${Math.round(growth / MiB)} MiB for ${peers} unread uploads`);
    const answers = Promise.all(sockets.map(readAnsweredDigest));
    upstream.startReading();
    assert.deepEqual(new Set(await answers), new Set([bodyDigest]));
  });

  it('are charged for an upload that they do not take, and not the client', async () => {
    const deaf = new LargeUpstream(bodyBytes);
    await deaf.listen();
    // The client has to be that much quicker than its deadline, while the node is waited for the longest.
    const timeouts = { requestBodyMs: 2_000, responseHeadMs: 4_000 };
    const proxy = await startCrossover(testConfig({ x: [deaf.port], y: [deaf.port], timeouts }));
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    upload(socket, bodyBytes);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 504 /);
    socket.destroy();
    await proxy.stop();
    deaf.stop();
  });

  it('get uploads whole that come faster than connections to them are made', async () => {
    const fresh = new LargeUpstream(bodyBytes);
    fresh.startReading();
    await fresh.listen();
    const proxy = await startCrossover(testConfig({ x: [fresh.port], y: [fresh.port] }));
    const sockets = Array.from({ length: peers }, () => connect(proxy.port, '127.0.0.1'));
    for (const socket of sockets) upload(socket, bodyBytes);
    assert.deepEqual(new Set(await Promise.all(sockets.map(readAnsweredDigest))), new Set([bodyDigest]));
    await proxy.stop();
    fresh.stop();
  });

  it('leave answers to pipelined requests unasked for', async () => {
    const before = rssBytes(crossover.pid);
    const sockets = Array.from({ length: 4 }, () => connect(crossover.port, '127.0.0.1').pause());
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write('GET /large HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(20_000));
    }
    await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
    const growth = rssBytes(crossover.pid) - before;
    assert.ok(growth < growthBytesMax, `${Math.round(growth / MiB)} MiB for a flood of unread answers`);
    assert.equal((await fetchOnce(crossover.port, '/-ok'))?.status, 200);
    for (const socket of sockets) socket.destroy();
  });
});
