// How many connections the control API has, and which gives way when there is no room for another. Whoever
// opens hundreds and says nothing, or says it slowly, takes places from nobody but himself: this machine,
// sockets and the rest of the world have places of their own, and a connection that has shown a valid token
// stays.
import { parseAddress } from '#src/core/routing/client-address.ts';

/** Where a connection comes from. */
export type Origin = 'socket' | 'loopback' | 'network';

/**
 * Places by origin: operators, scrapers, a few pages. In sum far below what would starve the proxy of file
 * descriptors.
 */
export const connectionsMax: Readonly<Record<Origin, number>> = { socket: 32, loopback: 96, network: 128 };
/**
 * Of one address of the network, or one /64 of IPv6: enough for a proxy in front, and half of the places at
 * most.
 */
export const connectionsPerPeerMax = 64;
/**
 * Nobody younger gives way: whoever has a token shows it within a round trip, also where hundreds come at
 * once.
 */
export const connectionGraceMs = 1_000;
/** Of one origin, those within their grace included. */
export const connectionsAtOnceMax = 512;

/** An accepted connection. */
export interface Connection {
  readonly origin: Origin;
  /** Whose it is: one address, or one /64. */
  readonly peer: string;
  /** Whether a request on it has shown who sends it. */
  isKnown: boolean;
  /** Monotonic. */
  readonly acceptedAtMs: number;
  /** Requests that are not answered in full. */
  openRequests: number;
  readonly destroy: () => void;
}

/** First half of an IPv6 address: what one customer of a provider has. */
export function peerOf(address: string): string {
  const bytes = parseAddress(address);
  return bytes === null ? address : (bytes.length === 16 ? bytes.slice(0, 8) : bytes).join('.');
}

interface ConnectionLimitsOptions {
  readonly monotonicMs: () => number;
  /** Has `trim` called after that time. */
  readonly later: (trim: () => void, delayMs: number) => void;
  /** Called when connections have given way, or one was refused. */
  readonly onCrowded: (origin: Origin) => void;
}

const origins = Object.keys(connectionsMax) as Origin[];

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  /** In the order in which they were accepted. */
  readonly #connections = new Set<Connection>();
  #isTrimDue = false;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#connections.size;
  }

  /** A place for a new connection; null when it has to be refused. */
  admit(origin: Origin, address: string, destroy: () => void): Connection | null {
    if (this.#of(origin).length >= connectionsAtOnceMax) {
      this.#options.onCrowded(origin);
      if (!this.#giveWay(this.#of(origin))) return null;
    }
    const peer = peerOf(address);
    const acceptedAtMs = this.#options.monotonicMs();
    const connection = { origin, peer, isKnown: false, acceptedAtMs, openRequests: 0, destroy };
    this.#connections.add(connection);
    if (this.#isCrowded(origin, peer)) this.#trimLater();
    return connection;
  }

  /** It has ended. */
  release(connection: Connection): void {
    this.#connections.delete(connection);
  }

  destroyAll(): void {
    for (const { destroy } of this.#connections) destroy();
  }

  #trimLater(): void {
    if (this.#isTrimDue) return;
    this.#isTrimDue = true;
    this.#options.later(() => {
      this.#isTrimDue = false;
      this.#trim();
    }, connectionGraceMs);
  }

  #isCrowded(origin: Origin, peer: string): boolean {
    const ofOrigin = this.#of(origin);
    if (ofOrigin.length > connectionsMax[origin]) return true;
    return origin === 'network' && ofOrigin.filter((one) => one.peer === peer).length > connectionsPerPeerMax;
  }

  /** Within the limits again, as far as anything may give way by now. */
  #trim(): void {
    const peers = Map.groupBy(this.#of('network'), ({ peer }) => peer);
    for (const connections of peers.values()) this.#trimTo(connectionsPerPeerMax, connections);
    for (const origin of origins) this.#trimTo(connectionsMax[origin], this.#of(origin));
  }

  #trimTo(max: number, connections: readonly Connection[]): void {
    const excess = connections.length - max;
    const [first] = connections;
    if (excess <= 0 || first === undefined) return;
    this.#options.onCrowded(first.origin);
    const sinceMs = this.#options.monotonicMs() - connectionGraceMs;
    for (let count = 0; count < excess; count++) {
      const old = connections.filter((one) => this.#connections.has(one) && one.acceptedAtMs <= sinceMs);
      if (this.#giveWay(old)) continue;
      this.#trimLater();
      return;
    }
  }

  #giveWay(oldestFirst: readonly Connection[]): boolean {
    const oldest = givesWay(oldestFirst);
    if (oldest === undefined) return false;
    this.release(oldest);
    oldest.destroy();
    return true;
  }

  #of(origin: Origin): Connection[] {
    return [...this.#connections].filter((connection) => connection.origin === origin);
  }
}

/**
 * The oldest that has not shown who it is and asks nothing; else the oldest that has not shown who it is,
 * which may be one that does not read its answer; else the oldest that is kept for later.
 */
function givesWay(oldestFirst: readonly Connection[]): Connection | undefined {
  return (
    oldestFirst.find(({ isKnown, openRequests }) => !isKnown && openRequests === 0) ??
    oldestFirst.find(({ isKnown }) => !isKnown) ??
    oldestFirst.find(({ openRequests }) => openRequests === 0)
  );
}
