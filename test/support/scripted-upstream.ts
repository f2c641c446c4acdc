// An upstream on raw sockets that records exactly the bytes it receives and leaves the answers to its owner.
// Requests whose target begins with `/-` (barriers, probes, victims) are always answered by themselves.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { fieldValues, StrictStream, type WireMessage } from './strict-stream.ts';

export interface UpstreamConnection {
  readonly socket: Socket;
  readonly stream: StrictStream;
  readonly received: Buffer[];
  /** The proxy closed its side. */
  ended: boolean;
  closed: boolean;
}

export interface ReceivedRequest {
  readonly upstream: ScriptedUpstream;
  readonly connection: UpstreamConnection;
  readonly message: WireMessage;
}

/**
 * What an upstream answers by itself: method and target as body, so that a client can tell whose answer it
 * got.
 */
export function defaultAnswer(message: WireMessage): string {
  const body = `${message.method} ${message.target}`;
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
  return message.method === 'HEAD' ? head : head + body;
}

export class ScriptedUpstream {
  readonly name: 'x' | 'y';
  connections: UpstreamConnection[] = [];
  /** Requests in order of arrival of their heads, without those to `/-`. */
  requests: ReceivedRequest[] = [];
  /** Answers requests as soon as they are complete. */
  automatic = true;
  /** Sends 100 (Continue) to each request that expects it, as soon as its head is there. */
  continues = false;
  port = 0;
  readonly #server: Server;
  readonly #changed: () => void;

  constructor(name: 'x' | 'y', changed: () => void) {
    this.name = name;
    this.#changed = changed;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Refuses connections from now on and drops those it has. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { socket } of this.connections) socket.destroy();
    await closed;
  }

  /** Ends every connection, waits until the proxy has taken note, and forgets the record. */
  async forget(): Promise<void> {
    const open = this.connections.filter(({ closed }) => !closed);
    await Promise.all(open.map((connection) => this.#retire(connection)));
    this.connections = [];
    this.requests = [];
    this.automatic = true;
    this.continues = false;
  }

  async #retire({ socket }: UpstreamConnection): Promise<void> {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    socket.end();
    const impatience = setTimeout(() => socket.resetAndDestroy(), 500);
    await closed;
    clearTimeout(impatience);
  }

  #accept(socket: Socket): void {
    const stream = new StrictStream('request');
    const connection: UpstreamConnection = { socket, stream, received: [], ended: false, closed: false };
    this.connections.push(connection);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#receive(connection, bytes));
    socket.on('end', () => {
      connection.ended = true;
      const idle = stream.current === null && stream.pending.length === 0;
      if (idle && stream.messages.every(({ taken }) => taken)) socket.end();
      this.#changed();
    });
    socket.on('close', () => {
      connection.closed = true;
      this.#changed();
    });
    this.#changed();
  }

  #receive(connection: UpstreamConnection, bytes: Buffer): void {
    const { stream } = connection;
    connection.received.push(bytes);
    const known = stream.messages.length;
    stream.push(bytes);
    for (const message of stream.messages.slice(known)) {
      if (!message.target.startsWith('/-')) this.requests.push({ upstream: this, connection, message });
      const expects = this.continues && fieldValues(message, 'expect').length > 0;
      if (expects) connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    this.answerComplete(connection);
    this.#changed();
  }

  /** Answers what is complete and nobody has taken, in order. */
  answerComplete(connection: UpstreamConnection): void {
    for (const message of connection.stream.messages) {
      if (message.taken) continue;
      if (!message.complete || (!this.automatic && !message.target.startsWith('/-'))) return;
      message.taken = true;
      connection.socket.write(defaultAnswer(message), 'latin1');
    }
  }
}
