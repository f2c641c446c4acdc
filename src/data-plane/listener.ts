// Accepts connections on the worker's own SO_REUSEPORT listener and gives each its ClientConnection.
import { createServer, type Socket as NetSocket, type Server } from 'node:net';
import type { Address } from '#src/config/config.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { countRejection } from './answer-counters.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientRegistry } from './client-registry.ts';
import { RawSocket } from './transport/raw-socket.ts';
import type { Socket, SocketOwner } from './transport/socket.ts';
import { StreamSocket } from './transport/stream-socket.ts';
import type { TcpHandle } from './transport/tcp-binding.ts';
import type { WorkerRuntime } from './worker-runtime.ts';

/** Connections waiting to be accepted; the kernel caps it at net.core.somaxconn. */
const backlog = 4_096;

interface RawServer {
  _handle: { onconnection: (status: number, handle: TcpHandle | undefined) => void } | null;
}

export class Listener {
  readonly #runtime: WorkerRuntime;
  readonly #registry: ClientRegistry;
  readonly #server: Server;

  constructor(runtime: WorkerRuntime, registry: ClientRegistry) {
    this.#runtime = runtime;
    this.#registry = registry;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#acceptStream(socket),
    );
  }

  /** Resolves with the port; rejects with the system's error. `shared`: other workers listen on the same port. */
  listen(address: Address, shared: boolean): Promise<number> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        { host: address.host, port: address.port, backlog, reusePort: shared, exclusive: true },
        () => {
          server.off('error', reject);
          server.on('error', (error) => {
            this.#runtime.log({ level: 'warn', message: 'accept failed', fields: { error: error.message } });
          });
          this.#takeOverHandle();
          const bound = server.address();
          resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port);
        },
      );
    });
  }

  /** Accepted handles come straight to us instead of being wrapped into net.Socket first. */
  #takeOverHandle(): void {
    const environment = this.#runtime.clientEnvironment;
    const handle = (this.#server as unknown as RawServer)._handle;
    if (environment === null || handle === null) return;
    handle.onconnection = (status, accepted) => {
      if (status !== 0 || accepted === undefined) return; // the kernel closed it, or no descriptor was free
      this.#accept((owner) => new RawSocket(accepted, environment, owner));
    };
  }

  #acceptStream(socket: NetSocket): void {
    this.#accept((owner) => new StreamSocket(socket, owner));
  }

  #accept(wrap: (owner: SocketOwner) => Socket): void {
    const runtime = this.#runtime;
    const connection = new ClientConnection(runtime, this.#registry);
    const socket = wrap(connection);
    const { connections } = runtime.config.limits;
    const total = this.#registry.totalOpen;
    // Beyond the limit a client is told so; far beyond it there is no time for that either.
    if (total >= connections * 1.1) {
      increment(runtime.slab, WORKER.connectionsRefused);
      socket.reset();
      return;
    }
    this.#registry.add(connection);
    increment(runtime.slab, WORKER.connectionsAccepted);
    connection.begin(socket);
    if (total < connections) return;
    increment(runtime.slab, WORKER.connectionsRefused);
    countRejection(runtime.slab, 'connectionsExhausted');
    connection.refuseWith('connectionsExhausted');
  }

  /** Stops accepting; what is accepted goes on. */
  close(): void {
    this.#server.close();
  }
}
