// Peers that don't read: what they leave unread must stay with the one who sends it, not in the proxy's memory.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { hasProc, rssBytes } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import { fetchOnce } from '../support/wire-client.ts';

const MiB = 1024 * 1024;
const bodyBytes = 32 * MiB;
const peers = 12;
const growthBytesMax = 64 * MiB;
const block = Buffer.alloc(MiB, 'crossover');
const digest = createHash('sha1');
for (let at = 0; at < bodyBytes; at += MiB) digest.update(block);
const bodyDigest = digest.digest('hex');

/** Serves the large body to GETs; takes POSTs only when told to, and answers with their digest. */
class LargeUpstream {
  readonly signal = new Signal();
  readonly server: Server;
  isReading = false;
  uploads = 0;

  constructor() {
    this.server = createServer((request, response) => {
      if (request.url === '/-ok') response.end('ok');
      else if (request.method === 'GET') {
        response.setHeader('Content-Length', bodyBytes);
        let sent = 0;
        const more = (): void => {
          while (sent < bodyBytes) {
            sent += MiB;
            if (!response.write(block)) return;
          }
          response.end();
        };
        response.on('drain', more);
        more();
      } else {
        this.uploads++;
        this.signal.notify();
        void this.signal
          .until(() => this.isReading, 60_000)
          .then(() => {
            const hash = createHash('sha1');
            request.on('data', (bytes: Buffer) => hash.update(bytes));
            request.on('end', () => response.end(hash.digest('hex')));
          });
      }
    });
  }
}

/** Resolves when nothing has moved for a while: whatever could be buffered has been. */
async function untilStill(measure: () => number): Promise<void> {
  let last = -1;
  for (let still = 0; still < 5; ) {
    const now = measure();
    still = now === last ? still + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('peers that do not read', { concurrency: false, skip: !hasProc }, () => {
  const upstream = new LargeUpstream();
  let crossover: Crossover;
  before(async () => {
    upstream.server.listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    const address = upstream.server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    crossover = await startCrossover(testConfig({ x: [port], y: [port] }));
    await Promise.all(Array.from({ length: 50 }, () => fetchOnce(crossover.port, '/-ok', 5_000)));
  });
  after(async () => {
    await crossover?.stop();
    upstream.server.closeAllConnections();
    upstream.server.close();
  });

  it('leave a download with the upstream, and get it whole when they read', async () => {
    const before = rssBytes(crossover.pid);
    const sockets = Array.from({ length: peers }, () => connect(crossover.port, '127.0.0.1').pause());
    for (const socket of sockets) socket.write('GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
    const growth = rssBytes(crossover.pid) - before;
    assert.ok(growth < growthBytesMax, `${Math.round(growth / MiB)} MiB for ${peers} unread downloads`);
    const digests = await Promise.all(sockets.map(readBodyDigest));
    assert.deepEqual(new Set(digests), new Set([bodyDigest]));
  });

  it('leave an upload with the client, and get it whole when they read', async () => {
    const before = rssBytes(crossover.pid);
    const sockets = Array.from({ length: peers }, () => connect(crossover.port, '127.0.0.1'));
    for (const socket of sockets) upload(socket);
    await upstream.signal.until(() => upstream.uploads === peers, 10_000);
    await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
    const growth = rssBytes(crossover.pid) - before;
    assert.ok(growth < growthBytesMax, `${Math.round(growth / MiB)} MiB for ${peers} unread uploads`);
    const answers = Promise.all(sockets.map(readBody));
    upstream.isReading = true;
    upstream.signal.notify();
    assert.deepEqual(new Set(await answers), new Set([bodyDigest]));
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
    assert.equal((await fetchOnce(crossover.port, '/-ok', 5_000))?.status, 200);
    for (const socket of sockets) socket.destroy();
  });
});

function upload(socket: Socket): void {
  socket.write(`POST /up HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
  let sent = 0;
  const more = (): void => {
    while (sent < bodyBytes) {
      sent += MiB;
      if (!socket.write(block)) return;
    }
  };
  socket.on('drain', more);
  more();
}

async function readBody(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString('latin1');
  return /[0-9a-f]{40}/.exec(text.slice(text.indexOf('\r\n\r\n')))?.[0] ?? text.slice(0, 200);
}

async function readBodyDigest(socket: Socket): Promise<string> {
  const hash = createHash('sha1');
  let head = '';
  for await (const piece of socket.resume()) {
    const bytes = piece as Buffer;
    if (head.includes('\r\n\r\n')) hash.update(bytes);
    else {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) hash.update(Buffer.from(head.slice(end + 4), 'latin1'));
    }
  }
  return hash.digest('hex');
}
