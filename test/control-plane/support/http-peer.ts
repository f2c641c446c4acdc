// A small HTTP server for tests of what we call: answers as told, remembers what came.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Signal } from '../../support/signal.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HttpPeer {
  readonly port: number;
  readonly url: string;
  readonly received: readonly Received[];
  /** What it answers from now on; null: nothing, ever. */
  answer: ((request: Received) => PeerAnswer) | PeerAnswer | null;
  /** Resolves when this many requests have come. */
  untilReceived(count: number): Promise<readonly Received[]>;
}

export interface PeerAnswer {
  readonly status: number;
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function httpPeer(
  t: TestContext,
  answer: HttpPeer['answer'] = { status: 200 },
): Promise<HttpPeer> {
  const received: Received[] = [];
  const signal = new Signal();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body };
      received.push(one);
      reply(response, typeof peer.answer === 'function' ? peer.answer(one) : peer.answer);
      signal.notify();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const untilReceived = async (count: number): Promise<readonly Received[]> => {
    await signal.until(
      () => received.length >= count,
      `${count} requests`,
      () => received,
    );
    return received;
  };
  const peer: HttpPeer = { port, url: `http://127.0.0.1:${port}`, received, answer, untilReceived };
  return peer;
}

function reply(response: ServerResponse, answer: PeerAnswer | null): void {
  if (answer === null) return;
  const { status, body = '', headers = {} } = answer;
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
}
