// Clients that keep places from others: they say nothing, send slowly, leave before their answer, or do not
// take it. Each one that is closed comes again.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

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

/** Which of them come, and to where. */
export interface SiegeOrder {
  readonly port: number;
  /** Of 127.0.0.0/8, from which they come. */
  readonly address: string;
  readonly kinds: Partial<Record<HostileKind, number>>;
}

/** Opens so many connections of each kind and keeps as many; resolves when each was there once. */
export async function besiege({ port, address, kinds }: SiegeOrder): Promise<void> {
  const attack = (habit: Habit): Promise<unknown> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address });
    socket.on('error', () => {});
    if (habit.reads) socket.resume();
    else socket.pause();
    socket.write(habit.opening);
    if (habit.leaves) socket.end();
    socket.once('close', () => setTimeout(() => attack(habit), comesAgainAfterMs));
    return Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  };
  const all = Object.entries(kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => attack(habits[kind as HostileKind])),
  );
  await Promise.all(all);
}

/** A siege by a process of its own. */
export class Siege {
  readonly #child = fork(fileURLToPath(new URL('./hostile-clients-child.ts', import.meta.url)));

  /** Resolves when each of them was there once. */
  async begin(order: SiegeOrder): Promise<void> {
    const come = once(this.#child, 'message');
    this.#child.send(order);
    await come;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
