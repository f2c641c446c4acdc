// Whether Node's TCP handles do what raw-socket.ts needs of them: bytes go to a socket of this process and
// back, with pauses, a write that waits, and both ends closed. That their functions have the right names says
// little about a Node that is newer than this code.
import { createServer, type Socket as NetSocket, type Server } from 'node:net';
import { connectRaw, RawSocketEnvironment } from './raw-socket.ts';
import type { ConnectingOwner, Socket } from './socket.ts';
import { loadTcpBinding } from './tcp-binding.ts';

/** More than the socket buffers of loopback take at once, so that a part of the write has to wait. */
const sentBytes = 4 * 1024 * 1024;
const readBytes = 64 * 1024;
/**
 * It takes about ten milliseconds; on a machine that is busier than this the handles are not the question.
 */
const patienceMs = 5_000;

/**
 * Tries the handles over loopback.
 * @returns why they cannot be used, in words; null when they can, or when loopback or time does not let it be
 *   tried
 */
export async function tcpHandleProblem(): Promise<string | null> {
  const binding = loadTcpBinding();
  if (binding === null) return 'they do not have the functions that are needed';
  const server = createServer({ allowHalfOpen: true }, echo);
  const port = await listen(server);
  if (port === null) return null;
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const timer = setTimeout(() => resolve(null), patienceMs);
  let socket: Socket | null = null;
  try {
    const shared = Buffer.allocUnsafeSlow(readBytes);
    const environment = new RawSocketEnvironment(binding, shared, (error) => resolve(String(error)));
    const exchange = new Echoed(resolve);
    socket = connectRaw(environment, '127.0.0.1', port, exchange);
    exchange.socket = socket;
    return await promise;
  } catch (error) {
    return String(error);
  } finally {
    clearTimeout(timer);
    socket?.destroy();
    server.close();
  }
}

/** Gives back what comes, and ends when the other side has. */
function echo(socket: NetSocket): void {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
}

/** The port; null where the system lets nothing listen on loopback. */
function listen(server: Server): Promise<number | null> {
  return new Promise((resolve) => {
    server.on('error', () => resolve(null));
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : null);
    });
  });
}

/** Sends a pattern, and looks whether it comes back as it was. */
class Echoed implements ConnectingOwner {
  socket: Socket | null = null;
  readonly #done: (problem: string | null) => void;
  readonly #sent = Buffer.alloc(sentBytes, 'crossover ');
  #received = 0;

  constructor(done: (problem: string | null) => void) {
    this.#done = done;
  }

  onConnected(): void {
    const { socket } = this;
    if (socket === null) return;
    if (socket.remoteAddress !== '127.0.0.1') this.#done('they do not name the peer');
    // Nothing is read meanwhile, so the write cannot be taken at once.
    socket.pause();
    if (socket.write(this.#sent, 0, sentBytes)) this.#done('a write that has to wait is said to be done');
    socket.resume();
  }

  onBytes(bytes: Buffer, length: number): void {
    const end = this.#received + length;
    if (bytes.compare(this.#sent, this.#received, end, 0, length) !== 0)
      this.#done('what comes in is not what was sent');
    this.#received = end;
  }

  onDrained(): void {
    this.socket?.shutdown();
  }

  onEnd(): void {
    this.#done(this.#received === sentBytes ? null : `${this.#received} of ${sentBytes} bytes came back`);
  }

  onFailed(code: string): void {
    this.#done(`a connection over loopback fails with ${code}`);
  }
}
