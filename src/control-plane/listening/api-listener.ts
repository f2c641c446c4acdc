// The control API's listeners, bound before the API is loaded: a start that can't have its port ends before
// it has changed anything, and one that can lets traffic begin meanwhile. Who asks that early waits until the
// API is there.
import type { Server as HttpServer, IncomingMessage, RequestListener } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { ControlListener, Role } from '#src/config/control-config.ts';
import { formatHostPort, isLoopback } from '#src/config/net-address.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { type Connection, ConnectionLimits, type Origin } from './connection-limits.ts';
import type { TlsServer } from './tls-server.ts';
import { listenOnSocket, type RemoveSocket } from './unix-socket.ts';

// Not imported: an import reads every export, and WebSocket among them loads Node's HTTP client, 3 MiB of
// this thread's heap.
const { createServer } = process.getBuiltinModule('node:http');

/** Node looks so often whether one of these times is over. */
const timeoutsCheckedEveryMs = 1_000;
/** From the connect, or the end of the request before it, to the end of a head. */
const requestHeadMsMax = 5_000;
/** A request head and body must arrive within this. */
const requestMsMax = 10_000;
/**
 * Without a byte either way, as with a client that takes nothing of its answer. A check of a large record
 * takes minutes.
 */
const silenceMsMax = 300_000;
/** Between events about connections that give way. */
const crowdedToldEveryMs = 60_000;

/** What the API may know of how a request came. */
export interface Arrival {
  readonly scheme: 'http' | 'https';
  readonly origin: Origin;
  /** What whoever can open this socket may do without a token. */
  readonly socketRole: Role | null;
  /**
   * What a client with a certificate may do whose name no token has; null: certificates count for nothing.
   */
  readonly certificateRole: Role | null;
}

/** A listener, and what it is bound to in place of its own address. */
export interface ListenTarget {
  readonly listener: ControlListener;
  /** The port that a thread before had where the system chose it. */
  readonly port?: number;
  /** A listening socket that was inherited. */
  readonly descriptor?: number;
}

export interface BoundListener {
  readonly listener: ControlListener;
  /** Of a TCP listener; null for a socket. */
  readonly port: number | null;
  /** As people write it: `http://127.0.0.1:9900`, `unix:/run/crossover/control.sock`. */
  readonly address: string;
}

interface ApiListenerOptions {
  readonly events: Pick<EventLog, 'add'>;
  readonly monotonicMs: () => number;
}

type Server = HttpServer | HttpsServer;

interface Listening {
  readonly server: Server;
  readonly tls: TlsServer | null;
  removeSocket: RemoveSocket;
  address: string;
}

export class ApiListener {
  /** Set by the API when it is made; called from `open` on. */
  handler: RequestListener | null = null;
  readonly #options: ApiListenerOptions;
  readonly #limits: ConnectionLimits;
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Connections that make a TLS handshake, or have made one, by where they come from. */
  readonly #secured = new Map<string, Connection>();
  readonly #arrivals = new WeakMap<IncomingMessage, Arrival>();
  readonly #listening: Listening[] = [];
  readonly #waiting: Parameters<RequestListener>[] = [];
  #isOpen = false;
  #crowdedToldAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ApiListenerOptions) {
    this.#options = options;
    this.#limits = new ConnectionLimits({
      monotonicMs: options.monotonicMs,
      // Behind the reads of a turn: a thread that was held up has what was sent meanwhile yet to read.
      later: (trim, delayMs) => void setTimeout(() => setImmediate(trim), delayMs).unref(),
      onCrowded: (origin) => this.#tellCrowded(origin),
    });
  }

  /**
   * Binds an address or a socket, or takes a listening socket over. Rejects with the system's error, or a
   * SocketRefused.
   */
  async listen({ listener, port, descriptor }: ListenTarget): Promise<BoundListener> {
    const tls = await this.#tlsServerFor(listener);
    const server: Server = tls === null ? createServer(timeouts) : tls.server;
    const listening: Listening = { server, tls, removeSocket: async () => {}, address: '' };
    this.#prepare(server, listener);
    const isInherited = descriptor !== undefined;
    if (isInherited) await bind(server, { fd: descriptor });
    else if (listener.kind === 'unix') listening.removeSocket = await listenOnSocket(server, listener);
    else await bind(server, { host: listener.host, port: port ?? listener.port });
    const bound = boundOf(server, listener, isInherited);
    this.#listening.push({ ...listening, address: bound.address });
    return bound;
  }

  async #tlsServerFor(listener: ControlListener): Promise<TlsServer | null> {
    if (listener.kind !== 'tcp' || listener.tls === null) return null;
    // Loaded when it is needed: a start does not wait for it.
    const { createTlsServer } = await import('./tls-server.ts');
    return createTlsServer(listener.tls, { ...timeouts, events: this.#options.events });
  }

  #prepare(server: Server, listener: ControlListener): void {
    server.setTimeout(silenceMsMax);
    // Before Node's own, which reads.
    server.prependListener('connection', (socket: Socket) => this.#admit(socket, listener));
    // A connection is counted from its first byte; requests come on what TLS makes of it.
    server.on('secureConnection', (socket: Socket) => {
      const connection = this.#secured.get(placeOf(socket));
      if (connection !== undefined) this.#connections.set(socket, connection);
    });
    server.on('request', (...exchange: Parameters<RequestListener>) => this.#take(exchange, listener));
  }

  #admit(socket: Socket, { kind }: ControlListener): void {
    const { remoteAddress = '' } = socket;
    const origin = kind === 'unix' ? 'socket' : isLoopback(remoteAddress) ? 'loopback' : 'network';
    const connection = this.#limits.admit(origin, remoteAddress, () => socket.destroy());
    if (connection === null) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#connections.set(socket, connection);
    const place = placeOf(socket);
    if (kind === 'tcp') this.#secured.set(place, connection);
    socket.once('close', () => {
      this.#limits.release(connection);
      if (this.#secured.get(place) === connection) this.#secured.delete(place);
    });
  }

  #take(exchange: Parameters<RequestListener>, listener: ControlListener): void {
    const [request, response] = exchange;
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) {
      connection.openRequests++;
      response.once('close', () => connection.openRequests--);
    }
    this.#arrivals.set(request, arrivalOn(listener, request.socket));
    if (this.#isOpen) this.handler?.(...exchange);
    else this.#waiting.push(exchange);
  }

  /** Requests that came before the API was there. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  get connectionCount(): number {
    return this.#limits.count;
  }

  arrivalOf(request: IncomingMessage): Arrival {
    return this.#arrivals.get(request) ?? unknownArrival;
  }

  /** The request has shown who sends it: its connection does not give way to others. */
  isKnown(request: IncomingMessage): void {
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) connection.isKnown = true;
  }

  #tellCrowded(origin: Origin): void {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - this.#crowdedToldAtMs < crowdedToldEveryMs) return;
    this.#crowdedToldAtMs = nowMs;
    this.#options.events.add({
      name: 'control-crowded',
      level: 'warn',
      text: `Somebody keeps more connections to the control API than there are places (${origin}): the oldest that have shown no token are closed for new ones.`,
      detail: { origin },
    });
  }

  /** Certificates whose files have changed are used from now on. */
  async renewCertificates(): Promise<void> {
    await Promise.all(this.#listening.map(({ tls }) => tls?.renew()));
  }

  /** Certificate that is served at one of our addresses, PEM; null without TLS. */
  certificateOf(address: string): string | null {
    return this.#listening.find((one) => one.address === address)?.tls?.certificate() ?? null;
  }

  /** From now on requests are answered; those that wait first. */
  open(): void {
    this.#isOpen = true;
    for (const exchange of this.#waiting.splice(0)) this.handler?.(...exchange);
  }

  /** Accepts no more, and cuts what is under way. */
  async close(): Promise<void> {
    const listening = this.#listening.splice(0);
    const closed = listening.map(
      ({ server }) => new Promise<void>((resolve) => void server.close(() => resolve())),
    );
    for (const { server } of listening) server.closeAllConnections();
    // Those in the middle of a handshake are none of HTTP's.
    this.#limits.destroyAll();
    await Promise.all(closed);
    await Promise.all(listening.map(({ removeSocket }) => removeSocket()));
  }
}

const placeOf = ({ remoteAddress, remotePort, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localPort}`;

const timeouts = {
  connectionsCheckingInterval: timeoutsCheckedEveryMs,
  headersTimeout: requestHeadMsMax,
  requestTimeout: requestMsMax,
};

/** Of a request that came on no listener of ours, as in tests: as from the network, without any right. */
const unknownArrival: Arrival = {
  scheme: 'http',
  origin: 'network',
  socketRole: null,
  certificateRole: null,
};

function arrivalOn(listener: ControlListener, { localAddress = '' }: Socket): Arrival {
  if (listener.kind === 'unix')
    return { scheme: 'http', origin: 'socket', socketRole: listener.role, certificateRole: null };
  return {
    scheme: listener.tls === null ? 'http' : 'https',
    origin: isLoopback(localAddress) ? 'loopback' : 'network',
    socketRole: null,
    certificateRole: listener.tls?.clientCertificates?.role ?? null,
  };
}

function bind(
  server: Server,
  where: { readonly fd: number } | { readonly host: string; readonly port: number },
) {
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function boundOf(server: Server, listener: ControlListener, isInherited: boolean): BoundListener {
  if (listener.kind === 'unix') return { listener, port: null, address: `unix:${listener.path}` };
  const bound = server.address();
  const { address, port } = typeof bound === 'object' && bound !== null ? bound : { address: '', port: 0 };
  const scheme = listener.tls === null ? 'http' : 'https';
  // The name that was written says more than the address that it stands for.
  const host = isInherited ? address : listener.host;
  return { listener, port, address: `${scheme}://${formatHostPort({ host, port })}` };
}
