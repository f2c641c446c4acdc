// A client on a raw socket: sends any bytes, records what comes back and parses it strictly.
import { connect, type Socket } from 'node:net';
import { StrictStream, type WireMessage } from './strict-stream.ts';
import { hangMs } from './until.ts';

export class WireClient {
  readonly socket: Socket;
  readonly stream: StrictStream;
  readonly received: Buffer[] = [];
  /** The proxy sent FIN. */
  ended = false;
  /** The connection is gone, by whatever means. */
  closed = false;
  /** The stream was between messages when the proxy closed. */
  endedClean = false;
  /** The proxy sent RST or the connection could not be made. */
  error: string | null = null;
  /** The client closed its side itself. */
  finished = false;

  constructor(port: number, methods: readonly string[], changed: () => void) {
    this.stream = new StrictStream('response', methods);
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.received.push(bytes);
      this.stream.push(bytes);
      changed();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    this.socket.on('end', () => {
      this.#over();
      this.socket.end();
      changed();
    });
    this.socket.on('close', () => {
      this.#over();
      this.closed = true;
      changed();
    });
    this.socket.on('connect', changed);
  }

  #over(): void {
    if (this.ended) return;
    this.ended = true;
    // A reset is not the clean end that a body delimited by close needs.
    this.endedClean = this.error === null ? this.stream.end() : this.stream.current === null;
  }

  /** Final responses whose end has been seen. */
  finals(): WireMessage[] {
    return this.stream.messages.filter(({ status, complete }) => status >= 200 && complete);
  }

  bytes(): Buffer {
    return Buffer.concat(this.received);
  }
}

/**
 * Sends one GET on a connection of its own and resolves with the answer's status and body; null when there is
 * none, or none in that time.
 */
export function fetchOnce(
  port: number,
  target: string,
  timeoutMs = hangMs,
): Promise<{ readonly status: number; readonly body: string } | null> {
  return new Promise((resolve) => {
    const look = (): void => {
      const [answer] = client.finals();
      if (answer === undefined && !client.ended) return;
      clearTimeout(timer);
      client.socket.destroy();
      const body = answer === undefined ? '' : Buffer.concat(answer.body).toString('latin1');
      resolve(answer === undefined ? null : { status: answer.status, body });
    };
    const client = new WireClient(port, ['GET'], look);
    const timer = setTimeout(() => {
      client.socket.destroy();
      resolve(null);
    }, timeoutMs);
    client.socket.write(`GET ${target} HTTP/1.1\r\nHost: probe\r\n\r\n`);
  });
}
