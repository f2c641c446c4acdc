// Accepts connections on the worker's own SO_REUSEPORT listener, or on listening sockets that the process was
// started with, and gives each its ClientConnection.
import { createServer, type ListenOptions, type Socket as NetSocket, type Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Address } from '#src/config/config.ts';
import { shortResource } from '#src/core/telemetry/own-shortage.ts';
import { hasFreeDescriptor } from '#src/data-plane/base/free-descriptor.ts';
import { countShortage } from '#src/data-plane/counting/failure-counters.ts';
import type { ExchangePool } from '#src/data-plane/exchange-pool.ts';
import { RawSocket, type RawSocketEnvironment, resetHandle } from '#src/data-plane/transport/raw-socket.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import { StreamSocket } from '#src/data-plane/transport/stream-socket.ts';
import type { TcpHandle } from '#src/data-plane/transport/tcp-binding.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { Places } from './places.ts';

/** Connections waiting to be accepted; the kernel caps it at net.core.somaxconn. */
const backlog = 4_096;

/** So many times `limits.connections` are open at most: those beyond the limit to be told so. */
const overrunFactor = 1.1;

/** Failed accepts are logged once in this time, with their count. */
const acceptLineEveryMs = 60_000;

interface RawServer {
  _handle: {
    readonly fd: number;
    setNoDelay(on: boolean): number;
    onconnection: (status: number, handle: TcpHandle | undefined) => void;
  } | null;
}

interface BoundListener {
  readonly port: number;
  /** Open as long as the listener is; -1 where the system has none. */
  readonly descriptor: number;
}

export class Listener {
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #exchanges: ExchangePool;
  readonly #places: Pick<Places, 'forClient'>;
  readonly #servers: Server[];
  /** Accepts that failed since the last log line. */
  #acceptFailures: number;
  #nextAcceptLineMs: number;

  constructor(
    runtime: WorkerRuntime,
    registry: ClientRegistry,
    exchanges: ExchangePool,
    places: Pick<Places, 'forClient'>,
  ) {
    this.#places = places;
    this.#runtime = runtime;
    this.#registry = registry;
    this.#exchanges = exchanges;
    this.#servers = [];
    this.#acceptFailures = 0;
    this.#nextAcceptLineMs = 0;
  }

  /**
   * Listens on an address; rejects with the system's error. `shared`: others listen on the same port.
   */
  bind({ host, port }: Address, shared: boolean): Promise<BoundListener> {
    return this.#listen({ host, port, reusePort: shared, exclusive: true });
  }

  /** Accepts from a socket that listens already. */
  adopt(descriptor: number): Promise<BoundListener> {
    return this.#listen({ fd: descriptor });
  }

  #listen(options: ListenOptions & { readonly fd?: number }): Promise<BoundListener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#acceptStream(socket),
    );
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // With a descriptor Node takes the backlog from the second argument only.
      server.listen(options, backlog, () => {
        server.off('error', reject);
        server.on('error', ({ code }: NodeJS.ErrnoException) => this.#acceptFailed(code ?? 'UNKNOWN'));
        resolve(this.#takeOver(server));
      });
    });
  }

  /** Accepted handles come straight to us instead of being wrapped into net.Socket first. */
  #takeOver(server: Server): BoundListener {
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const environment = this.#runtime.clientEnvironment;
    const handle = (server as unknown as RawServer)._handle;
    if (environment !== null && handle !== null) {
      // What is accepted inherits it (Linux, the BSDs): a system call less for each connection.
      handle.setNoDelay(true);
      handle.onconnection = (status, accepted) => {
        if (accepted === undefined) this.#acceptFailed(status < 0 ? getSystemErrorName(status) : 'UNKNOWN');
        else this.#acceptHandle(accepted, environment);
      };
    }
    return { port, descriptor: handle?.fd ?? -1 };
  }

  #acceptHandle(handle: TcpHandle, environment: RawSocketEnvironment): void {
    const open = this.#registry.totalOpen;
    if (this.#isOverrun(open)) {
      resetHandle(handle);
      return;
    }
    const connection = this.#newConnection();
    this.#begin(connection, new RawSocket(handle, environment, connection), open);
  }

  #acceptFailed(code: string): void {
    const { slab, log } = this.#runtime;
    const resource = shortResource(code);
    if (resource !== null) {
      countShortage(slab, 'accept', resource);
      return;
    }
    this.#acceptFailures++;
    const nowMs = performance.now();
    if (nowMs < this.#nextAcceptLineMs) return;
    log({ level: 'warn', message: 'accept failed', fields: { code, count: this.#acceptFailures } });
    this.#acceptFailures = 0;
    this.#nextAcceptLineMs = nowMs + acceptLineEveryMs;
  }

  /**
   * Counts it when no descriptor is free for a client; call it from time to time. While none is, libuv
   * accepts clients only to close them at once, and tells nobody (uv__emfile_trick in src/unix/stream.c).
   */
  lookForDescriptor(): void {
    if (!hasFreeDescriptor()) countShortage(this.#runtime.slab, 'accept', 'descriptors');
  }

  #acceptStream(socket: NetSocket): void {
    const open = this.#registry.totalOpen;
    if (this.#isOverrun(open)) {
      socket.resetAndDestroy();
      return;
    }
    const connection = this.#newConnection();
    this.#begin(connection, new StreamSocket(socket, connection), open);
  }

  /**
   * Beyond the limit a client is told so; far beyond it there is no time for that either, and this one is
   * counted and reset.
   */
  #isOverrun(open: number): boolean {
    const { config, slab } = this.#runtime;
    if (open < config.limits.connections * overrunFactor || this.#places.forClient()) return false;
    increment(slab, WORKER.connectionsRefused);
    return true;
  }

  #newConnection(): ClientConnection {
    return new ClientConnection(this.#runtime, this.#registry, this.#exchanges);
  }

  /** `open`: how many others there are. */
  #begin(connection: ClientConnection, socket: Socket, open: number): void {
    const { slab, config } = this.#runtime;
    const hasPlace = open < config.limits.connections || this.#places.forClient();
    this.#registry.add(connection);
    increment(slab, WORKER.connectionsAccepted);
    connection.begin(socket);
    if (hasPlace) return;
    increment(slab, WORKER.connectionsRefused);
    connection.refuse('connectionsExhausted', false);
  }

  /** Stops accepting; what is accepted goes on. */
  close(): void {
    for (const server of this.#servers) server.close();
  }
}
