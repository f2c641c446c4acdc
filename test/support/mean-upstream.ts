// An upstream that serves a few requests per connection and then, just as one more arrives on it, ends or
// resets instead of answering: the race of an idle connection that dies as it is reused, made certain.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { StrictStream } from './strict-stream.ts';

export class MeanUpstream {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #servedPerConnection: number;
  readonly deliveries = new Map<string, number>();
  port = 0;
  /** Connections that died on a request. */
  deaths = 0;

  constructor(servedPerConnection: number) {
    this.#servedPerConnection = servedPerConnection;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    const stream = new StrictStream('request');
    let served = 0;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      stream.push(bytes);
      for (const message of stream.messages.filter(({ complete }) => complete)) {
        const token = /^\/t\/([^/]+)/.exec(message.target)?.[1] ?? '';
        this.deliveries.set(token, (this.deliveries.get(token) ?? 0) + 1);
        if (served++ === this.#servedPerConnection) {
          this.deaths++;
          if (this.deaths % 2 === 0) socket.end();
          else socket.resetAndDestroy();
          return;
        }
        const body = `x mean ${token} `;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
      }
      stream.messages.splice(0, stream.messages.filter(({ complete }) => complete).length);
    });
  }
}
