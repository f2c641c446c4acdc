// Clients that keep places from others: they say nothing, send slowly, leave before their answer, or do not
// take it. Each one that is closed comes again.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** So long that the places do not change hands faster than a moment's silence is told from a client's. */
const comesAgainAfterMs = 500;

export type HostileKind = 'silent' | 'uploads' | 'leavers' | 'readers';

interface Habit {
  /** What it sends at once. */
  readonly opening: string;
  /** Whether it ends its side then. */
  readonly leaves: boolean;
  readonly reads: boolean;
}

const habits: Readonly<Record<HostileKind, Habit>> = {
  silent: { opening: '', leaves: false, reads: true },
  uploads: {
    opening: 'POST /t/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na',
    leaves: false,
    reads: true,
  },
  leavers: { opening: 'GET /t/left HTTP/1.1\r\nHost: h\r\n\r\n', leaves: true, reads: true },
  readers: {
    opening: 'GET /t/large HTTP/1.1\r\nHost: h\r\n\r\n',
    leaves: false,
    reads: false,
  },
};

export class HostileClients {
  readonly #port: number;
  readonly #address: string;
  readonly #sockets = new Set<Socket>();
  #isOver = false;
  /** Connections so far. */
  attempts = 0;

  /** address: of 127.0.0.0/8, from which they come. */
  constructor(port: number, address: string) {
    this.#port = port;
    this.#address = address;
  }

  /** Opens `count` connections of a kind and keeps as many; resolves when each was there once. */
  async come(kind: HostileKind, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#attack(habits[kind])));
  }

  #attack(habit: Habit): Promise<unknown> {
    this.attempts++;
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: this.#address });
    this.#sockets.add(socket);
    socket.on('error', () => {});
    if (habit.reads) socket.resume();
    else socket.pause();
    socket.write(habit.opening);
    if (habit.leaves) socket.end();
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (!this.#isOver) setTimeout(() => this.#isOver || this.#attack(habit), comesAgainAfterMs);
    });
    return Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  }

  /** Resolves when all their connections are closed. */
  async leave(): Promise<void> {
    this.#isOver = true;
    const closed = [...this.#sockets].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }
}
