// Poisson arrivals on keep-alive connections, sent when they are due whether or not earlier ones were
// answered. What each came to is known by its token: method, status and the cluster that answered.
import { type Dispatcher, Pool } from 'undici';
import { createRandom, type Random } from '#src/base/random.ts';
import { demoApiKey } from '#src/demo/kong-routes.ts';

export interface OpenLoopOptions {
  readonly port: number;
  readonly seed: number;
  readonly requestsPerSecond: number;
  /** Share of POSTs, 0..1; the rest are GETs. */
  readonly posts: number;
  /** Hosts that the requests name in turn: each is a route to the proxy. */
  readonly hosts: number;
  /** Kong versions by which an answer's cluster is known. */
  readonly versions: { readonly x: string; readonly y: string };
}

/** Who made the answer; `proxy` is the one under test, by itself. */
export type Answerer = 'x' | 'y' | 'proxy';

export interface Outcome {
  readonly token: string;
  readonly method: 'GET' | 'POST';
  /** Unix epoch ms. */
  readonly sentAtMs: number;
  /** 0: no complete answer. */
  status: number;
  from: Answerer;
}

const paceMs = 5;
const connectionsMax = 512;
/** Above every timeout of the proxy. */
const patienceMs = 60_000;
const body = JSON.stringify({ customer: 'usr_7', lines: [{ sku: 'sku-3', quantity: 2 }] });

export class OpenLoopClient {
  readonly #options: OpenLoopOptions;
  readonly #random: Random;
  readonly #pool: Pool;
  readonly #pacer: NodeJS.Timeout;
  #dueMs: number;
  #stopped: Promise<void> | null = null;
  /** Every request, in the order in which they were sent. */
  readonly outcomes: Outcome[] = [];

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    this.#random = createRandom(options.seed);
    this.#pool = new Pool(`http://127.0.0.1:${options.port}`, {
      connections: connectionsMax,
      pipelining: 1,
      // Well below the proxy's, so that no connection is used just as it closes.
      keepAliveTimeout: 20_000,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
    });
    this.#dueMs = performance.now();
    this.#pacer = setInterval(() => this.#pace(), paceMs);
  }

  #pace(): void {
    const nowMs = performance.now();
    const meanGapMs = 1000 / this.#options.requestsPerSecond;
    for (; this.#dueMs <= nowMs; this.#dueMs -= Math.log(1 - this.#random.next()) * meanGapMs) this.#send();
  }

  #send(): void {
    const { posts, hosts } = this.#options;
    const method = this.#random.next() < posts ? 'POST' : 'GET';
    const index = this.outcomes.length;
    const outcome: Outcome = {
      token: `${method}-${index}`,
      method,
      sentAtMs: Date.now(),
      status: 0,
      from: 'proxy',
    };
    this.outcomes.push(outcome);
    const headers: Record<string, string> = {
      apikey: demoApiKey,
      'x-token': outcome.token,
      host: `host-${index % hosts}.example`,
    };
    if (method === 'POST') headers['content-type'] = 'application/json';
    const request: Dispatcher.DispatchOptions =
      method === 'POST'
        ? { method, path: '/orders', headers, body }
        : { method, path: `/users/usr_${index % 1000}`, headers };
    this.#pool.dispatch(request, this.#follow(outcome));
  }

  #follow(outcome: Outcome): Dispatcher.DispatchHandler {
    let status = 0;
    return {
      onRequestStart: () => {},
      onResponseStart: (_controller, statusCode, { server, via }) => {
        status = statusCode;
        outcome.from = this.#answerer(`${server} ${via}`);
      },
      onResponseData: () => {},
      onResponseEnd: () => {
        outcome.status = status;
      },
      onResponseError: () => {},
    };
  }

  #answerer(names: string): Answerer {
    const { versions } = this.#options;
    if (names.includes(`kong/${versions.x}`)) return 'x';
    return names.includes(`kong/${versions.y}`) ? 'y' : 'proxy';
  }

  /** Sends nothing more and waits for what is under way. */
  async stop(): Promise<readonly Outcome[]> {
    clearInterval(this.#pacer);
    this.#stopped ??= this.#pool.close();
    await this.#stopped;
    return this.outcomes;
  }
}
