// An upstream node that echoes the token of each request together with its own name, and remembers every
// token it was given, so that lost, misrouted and doubled requests show. Targets are
// `/t/<token>[/<behaviour>-<number>…]`.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface TokenUpstreamOptions {
  readonly cluster: 'x' | 'y';
  readonly node: string;
  readonly port?: number;
  /** Connections that may wait for this process to accept them. */
  readonly backlog?: number;
  /** Called with every token as soon as its request is complete, instead of counting it in `deliveries`. */
  readonly record?: (token: string) => void;
}

/** What the node does to a request instead of serving it; null to serve it. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

const tokenPattern = /^\/t\/([^/?]+)/;

function behaviour(target: string, name: string): number {
  const match = new RegExp(`/${name}-(\\d+)`).exec(target);
  return match === null ? 0 : Number(match[1]);
}

export class TokenUpstream {
  readonly #options: TokenUpstreamOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port = 0;
  requests = 0;
  /** Most connections it had at once. */
  connectionsMost = 0;
  /** Requests whose body did not carry their token. */
  damaged = 0;
  readonly deliveries = new Map<string, number>();
  misbehave: Misbehaviour | null = null;

  constructor(options: TokenUpstreamOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) =>
      this.#take(request, response),
    );
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      this.connectionsMost = Math.max(this.connectionsMost, this.#sockets.size);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    // Many may connect while this process is busy being those many.
    const { port = this.port, backlog = 4_096 } = this.#options;
    this.#server.listen({ port, host: '127.0.0.1', backlog });
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  /** Refuses connections from now on and resets those it has. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  get duplicates(): string[] {
    return [...this.deliveries].filter(([, count]) => count > 1).map(([token]) => token);
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => {});
    request.on('end', () => this.#answer(request, response, Buffer.concat(pieces)));
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const target = request.url ?? '';
    const token = tokenPattern.exec(target)?.[1];
    if (token === undefined) {
      response.end('ok');
      return;
    }
    this.requests++;
    if (this.#options.record === undefined) this.deliveries.set(token, (this.deliveries.get(token) ?? 0) + 1);
    else this.#options.record(token);
    if (body.length > 0 && !body.subarray(0, 200).includes(token)) this.damaged++;
    if (this.misbehave?.(request, response)) return;
    const delayMs = behaviour(target, 'delay');
    if (delayMs === 0) this.#send(target, token, response);
    else setTimeout(() => this.#send(target, token, response), delayMs);
  }

  #send(target: string, token: string, response: ServerResponse): void {
    const padding = 'x'.repeat(behaviour(target, 'bytes'));
    const body = `${this.#options.cluster} ${this.#options.node} ${token} ${padding}`;
    response.statusCode = behaviour(target, 'status') || 200;
    if (behaviour(target, 'chunked') === 0) response.setHeader('Content-Length', body.length);
    response.end(body);
  }
}
