// Bodies of many megabytes, made as they are asked for and checked as they arrive, so that only the proxy
// could pile them up.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { Signal } from './signal.ts';

const blockBytes = 1024 * 1024;
const block = Buffer.alloc(blockBytes, 'crossover');

/** SHA-1 of the body with so many bytes, a whole number of MiB. */
export function largeBodyDigest(bodyBytes: number): string {
  const digest = createHash('sha1');
  for (let at = 0; at < bodyBytes; at += blockBytes) digest.update(block);
  return digest.digest('hex');
}

/** Writes the body as the other side takes it, then calls `done`. */
export function writeLargeBody(to: Writable, bodyBytes: number, done: () => void): void {
  let sent = 0;
  const more = (): void => {
    while (sent < bodyBytes) {
      sent += blockBytes;
      if (!to.write(block)) return;
    }
    to.off('drain', more);
    done();
  };
  to.on('drain', more);
  more();
}

async function digestOf(request: IncomingMessage): Promise<string> {
  const hash = createHash('sha1');
  for await (const bytes of request) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** Serves the large body to GETs; takes POSTs only when told to, and answers with their digest. */
export class LargeUpstream {
  readonly signal = new Signal();
  readonly server: Server;
  port = 0;
  isReading = false;
  uploads = 0;

  constructor(bodyBytes: number) {
    // Never closes an idle connection, or one that waits: a POST that meets the close is lost, and that is
    // another subject.
    this.server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      if (request.url?.startsWith('/-') === true) response.end('ok');
      else if (request.method === 'GET') {
        response.setHeader('Content-Length', bodyBytes);
        writeLargeBody(response, bodyBytes, () => response.end());
      } else {
        this.uploads++;
        this.signal.notify();
        void this.signal
          .until(() => this.isReading, 'the order to read uploads')
          .then(() => digestOf(request))
          .then(
            (digest) => response.end(digest),
            () => response.destroy(),
          );
      }
    });
  }

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  startReading(): void {
    this.isReading = true;
    this.signal.notify();
  }

  stop(): void {
    this.startReading();
    this.server.closeAllConnections();
    this.server.close();
  }
}

export function askForDownload(socket: Socket): void {
  socket.write('GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
}

export function upload(socket: Socket, bodyBytes: number): void {
  socket.write(`POST /up HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
  writeLargeBody(socket, bodyBytes, () => {});
}

/** Reads the answer to an upload to its end: the digest in it, or what came instead. */
export async function readAnsweredDigest(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString('latin1');
  return /[0-9a-f]{40}/.exec(text.slice(text.indexOf('\r\n\r\n')))?.[0] ?? text.slice(0, 200);
}

/** Reads a download to its end and digests its body. */
export async function readBodyDigest(socket: Socket): Promise<string> {
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
