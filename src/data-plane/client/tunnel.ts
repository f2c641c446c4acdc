// Two sockets joined after 101 Switching Protocols: bytes go both ways unread, with backpressure and
// half-close.

import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import { Timed } from '#src/data-plane/base/timer-wheel.ts';
import type { Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { tunnelHalfClosedMs } from '#src/limits.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { ClientRegistry, Closable } from './client-registry.ts';
import { Quiet } from './connection-states.ts';

class Tunnel extends Timed implements Closable {
  readonly openLink: ListLink<Closable>;
  readonly isIdle = false;
  // Nobody can tell whether a tunnel is still wanted: it never gives way.
  readonly quiet = Quiet.never;
  readonly quietSinceMs = 0;
  readonly node = null;
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #client: Socket;
  readonly #upstream: Socket;
  #isClosed: boolean;
  #isHalfClosed: boolean;
  /** What waited for either side at the last deadline. */
  #stalledBytes: number;

  constructor(runtime: WorkerRuntime, registry: ClientRegistry, client: Socket, upstream: Socket) {
    super();
    this.openLink = new ListLink<Closable>(this);
    this.#runtime = runtime;
    this.#registry = registry;
    this.#client = client;
    this.#upstream = upstream;
    this.#isClosed = false;
    this.#isHalfClosed = false;
    this.#stalledBytes = 0;
    client.owner = new TunnelEnd(this, client, upstream);
    upstream.owner = new TunnelEnd(this, upstream, client);
    add(runtime.slab, WORKER.tunnelsOpen, 1);
    this.touch();
  }

  /** Bytes came, or one side ended. */
  touch(): void {
    const { tunnelIdleMs } = this.#runtime.config.timeouts;
    const idleMs = this.#isHalfClosed ? Math.min(tunnelIdleMs, tunnelHalfClosedMs) : tunnelIdleMs;
    this.#runtime.wheel.set(this, idleMs);
  }

  /**
   * Many a protocol's server does not notice that its client is gone; few have anything to say to a side that
   * ended.
   */
  sideEnded(): void {
    this.#isHalfClosed = true;
    this.touch();
  }

  /** A side that reads slowly makes no bytes come, but takes those that wait for it. */
  onDeadline(): void {
    const pendingBytes = this.#client.pendingBytes + this.#upstream.pendingBytes;
    const isMoving = pendingBytes > 0 && pendingBytes !== this.#stalledBytes;
    this.#stalledBytes = pendingBytes;
    if (isMoving) this.touch();
    else this.close(pendingBytes > 0);
  }

  destroy(): void {
    this.close(true);
  }

  giveWay(): void {
    this.close(true);
  }

  /** A tunnel stays where it began. */
  giveUpY(): void {}

  /** `reset`: one side failed, and the other must not take that for an orderly end. */
  close(reset: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#runtime.wheel.remove(this);
    for (const socket of [this.#client, this.#upstream]) {
      if (reset) socket.reset();
      else socket.destroy();
    }
    add(this.#runtime.slab, WORKER.tunnelsOpen, -1);
    this.#registry.remove(this);
  }

  cut(): boolean {
    this.close(false);
    return true;
  }
}

/** One direction: what `from` sends goes to `to`. */
class TunnelEnd implements SocketOwner {
  hasEnded: boolean;
  readonly #tunnel: Tunnel;
  readonly #from: Socket;
  readonly #to: Socket;

  constructor(tunnel: Tunnel, from: Socket, to: Socket) {
    this.hasEnded = false;
    this.#tunnel = tunnel;
    this.#from = from;
    this.#to = to;
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#tunnel.touch();
    this.send(bytes, 0, length);
  }

  send(bytes: Buffer, from: number, to: number): void {
    if (this.#to.writeShared(bytes, from, to)) return;
    this.#from.pause();
  }

  onEnd(): void {
    this.hasEnded = true;
    this.#to.shutdown();
    const other = this.#to.owner as TunnelEnd;
    if (other.hasEnded && !this.#to.hasPendingWrites && !this.#from.hasPendingWrites)
      this.#tunnel.close(false);
    else this.#tunnel.sideEnded();
  }

  /** What this side was sent has left: its peer may send more. */
  onDrained(): void {
    this.#tunnel.touch();
    const other = this.#to.owner as TunnelEnd;
    if (!other.hasEnded) this.#to.resume();
    else if (this.hasEnded) setImmediate(() => this.#tunnel.close(false));
  }

  onFailed(): void {
    this.#tunnel.close(true);
  }
}

/**
 * Joins a client's socket with the upstream's after a 101.
 * @param rest what the upstream sent right after its head
 * @param early what the client sent before it saw the 101
 */
export function openTunnel(
  runtime: WorkerRuntime,
  registry: ClientRegistry,
  connection: Closable,
  client: Socket,
  upstream: Socket,
  rest: Buffer,
  early: Buffer | null,
): void {
  const tunnel = new Tunnel(runtime, registry, client, upstream);
  registry.replace(connection, tunnel);
  if (rest.length > 0) (upstream.owner as TunnelEnd).send(rest, 0, rest.length);
  if (early !== null) (client.owner as TunnelEnd).send(early, 0, early.length);
  client.resume();
  upstream.resume();
}
