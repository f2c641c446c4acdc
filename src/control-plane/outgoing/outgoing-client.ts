// The one way to call the addresses that the config names: gates, metric sources, notifications. Calls are
// limited in time and size and to addresses that are allowed, and follow no redirects. A failure comes back
// in words that name the host and nothing secret.
import { type LookupAddress, lookup as resolveName } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { refusalOf, refusalOfLiteral } from '#src/config/address-guard.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';
import { outgoingAnswerBytesMax } from '#src/limits.ts';

interface OutgoingRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For everything, from resolving the name to the last byte of the answer. */
  readonly timeoutMs: number;
}

export type OutgoingAnswer =
  | { readonly ok: true; readonly status: number; readonly text: string }
  | { readonly ok: false; readonly reason: string };

/** What gates, metrics and notifications need of the client. */
export interface Outgoing {
  send(request: OutgoingRequest): Promise<OutgoingAnswer>;
}

/** Refused before a connection was made; its message is for people. */
class AddressRefused extends Error {}

/** Connections to one host at a time; the calls of a configuration need far fewer. */
const connectionsPerHostMax = 8;

export class OutgoingClient implements Outgoing {
  readonly #allowed: () => readonly Cidr[];
  #agent: Agent | null = null;
  readonly #closed = new AbortController();

  constructor(allowed: () => readonly Cidr[]) {
    this.#allowed = allowed;
  }

  /** Sends it once. Never rejects. */
  async send({ method, url, headers = {}, body, timeoutMs }: OutgoingRequest): Promise<OutgoingAnswer> {
    // A label that was filled in may have changed the address.
    if (!URL.canParse(url)) return { ok: false, reason: 'what the config makes of it is not a URL' };
    const target = new URL(url);
    const refusal = this.#literalRefusal(target);
    if (refusal !== null) return { ok: false, reason: refusal };
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      // Loaded when it is needed: most of the time nothing is called, and a start should not wait for it.
      const undici = await import('undici');
      this.#agent ??= new undici.Agent({
        connect: { lookup: guardedLookup(this.#allowed) },
        connections: connectionsPerHostMax,
        maxResponseSize: outgoingAnswerBytesMax,
      });
      const response = await undici.request(target, {
        method,
        dispatcher: this.#agent,
        signal: AbortSignal.any([deadline, this.#closed.signal]),
        headers: { 'user-agent': 'crossover', accept: 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
      });
      return { ok: true, status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      const reason = deadline.aborted
        ? `${target.host} did not answer in ${timeoutMs / 1000} s`
        : reasonOf(error, target);
      return { ok: false, reason };
    }
  }

  /** Gives up on everything under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#agent?.destroy();
  }

  /** No name is looked up for a URL that has the address itself. */
  #literalRefusal(url: URL): string | null {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} URLs are not called`;
    return refusalOfLiteral(url, this.#allowed());
  }
}

/**
 * Resolves a name and hands on only what may be connected to: the check and the connection see the same
 * address.
 */
function guardedLookup(allowed: () => readonly Cidr[]): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = found as unknown as LookupAddress[];
      const usable = addresses.filter(({ address }) => refusalOf(address, allowed()) === null);
      const first = usable[0];
      if (first === undefined) {
        const refused = addresses[0]?.address ?? '';
        return callback(new AddressRefused(refusalOf(refused, allowed()) ?? 'it has no address'), []);
      }
      if (options.all === true) return callback(null, usable);
      return callback(null, first.address, first.family);
    });
  };
}

const wordsByCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection',
  ENOTFOUND: 'has no address in DNS',
  EAI_AGAIN: 'could not be resolved',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ETIMEDOUT: 'cannot be reached',
  UND_ERR_SOCKET: 'closed the connection',
  UND_ERR_CONNECT_TIMEOUT: 'cannot be reached',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: `answered more than ${outgoingAnswerBytesMax / 1024} KiB`,
};

/** Host and kind of failure only: messages of libraries may quote URLs, and URLs may carry secrets. */
function reasonOf(error: unknown, { host }: URL): string {
  if (error instanceof AddressRefused) return error.message;
  const { code = 'unknown', cause } = error as { code?: string; cause?: unknown };
  if (cause instanceof AddressRefused) return cause.message;
  return `${host} ${wordsByCode[code] ?? `could not be asked (${code})`}`;
}
