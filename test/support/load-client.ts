// Load on raw keep-alive sockets in which every request carries a token of its own and every answer is
// checked for it. Nothing may be unaccounted for: sent = answered + lost with the connection + aborted by
// ourselves.
import { connect, type Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Random } from '#src/base/random.ts';
import { createRandom } from '#src/base/random.ts';
import { Signal } from './signal.ts';
import { StrictStream, type WireMessage } from './strict-stream.ts';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seed: number;
  /** Shares of the requests, 0..1; the rest are GETs. */
  readonly posts?: number;
  readonly chunkedPosts?: number;
  /** Share after which the client closes its connection without waiting for the answer. */
  readonly aborts?: number;
  /** Over all connections; unlimited without it. */
  readonly requestsPerSecond?: number;
  /** Appended to the target: the upstream's behaviour. */
  readonly suffix?: (random: Random) => string;
  /** Header lines of a connection, each with CRLF. */
  readonly headers?: (connection: number) => string;
  readonly bodyBytes?: number;
  /** Not to keep what grows with every request: postTokens. For loads of millions. */
  readonly isLong?: boolean;
}

export interface LoadReport {
  sent: number;
  answered: number;
  /** The connection went away before the answer was complete. */
  lost: number;
  aborted: number;
  /** Answers that carry another request's token, or none with status 200. */
  misrouted: string[];
  invalid: string[];
  readonly byStatus: Map<number, number>;
  readonly byCluster: { x: number; y: number };
  /** Tokens that did not get a 200, by method and what happened. */
  readonly failures: { readonly token: string; readonly method: string; readonly what: string }[];
  /** Microseconds until an answer was complete. */
  readonly latency: RecordableHistogram;
  /** Tokens of requests that must not be delivered twice. */
  readonly postTokens: string[];
  /** Clusters in the order in which a connection saw them, without repetitions; the first hundred. */
  readonly clusterChanges: string[];
  readonly answersByConnection: number[];
  reconnects: number;
}

let nextClient = 1;
const clusterChangesMax = 100;
const answersPerWait = 1_000;

/** Whether the token is that of a request that must not be delivered twice. */
export const isPostToken = (token: string): boolean => token.endsWith('p');

/** Milliseconds below which so many per cent of the answers came. */
export const latencyMs = (report: LoadReport, percent: number): number =>
  report.latency.percentile(percent) / 1000;

class Connection {
  readonly #load: LoadClient;
  readonly #index: number;
  #socket: Socket | null = null;
  #stream = new StrictStream('response');
  #token: string | null = null;
  #method = 'GET';
  #sentAtMs = 0;
  #count = 0;

  constructor(load: LoadClient, index: number) {
    this.#load = load;
    this.#index = index;
  }

  get isIdle(): boolean {
    return this.#token === null;
  }

  close(): void {
    this.#socket?.destroy();
  }

  send(): void {
    const { options, random, report, name } = this.#load;
    const draw = random.next();
    const { posts = 0, chunkedPosts = 0 } = options;
    const kind = draw < posts ? 'length' : draw < posts + chunkedPosts ? 'chunked' : 'none';
    const token = `${name}-${this.#index}-${this.#count++}${kind === 'none' ? 'g' : 'p'}`;
    this.#token = token;
    this.#method = kind === 'none' ? 'GET' : 'POST';
    this.#sentAtMs = performance.now();
    report.sent++;
    if (kind !== 'none' && options.isLong !== true) report.postTokens.push(token);
    const isAborted = options.aborts !== undefined && random.next() < options.aborts;
    this.#open().write(this.#encode(token, kind, options.suffix?.(random) ?? ''), 'latin1');
    if (isAborted) this.#abort();
  }

  #encode(token: string, kind: 'none' | 'length' | 'chunked', suffix: string): string {
    const { options } = this.#load;
    const head = `${this.#method} /t/${token}${suffix} HTTP/1.1\r\nHost: load.example\r\n${options.headers?.(this.#index) ?? ''}`;
    if (kind === 'none') return `${head}\r\n`;
    const body = token.padEnd(options.bodyBytes ?? 64, '.');
    if (kind === 'length') return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    const half = body.length >> 1;
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    return `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`;
  }

  #open(): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = connect({ port: this.#load.options.port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#stream = new StrictStream('response');
    socket.on('data', (bytes: Buffer) => this.#receive(socket, bytes));
    socket.on('error', () => {});
    socket.on('end', () => this.#gone(socket));
    socket.on('close', () => this.#gone(socket));
    return socket;
  }

  #abort(): void {
    this.#load.report.aborted++;
    this.#token = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.resetAndDestroy();
    this.#load.ready(this);
  }

  #receive(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return;
    this.#stream.push(bytes);
    const { messages, problem } = this.#stream;
    if (problem !== null) {
      this.#load.report.invalid.push(problem);
      socket.destroy();
      return;
    }
    const answer = messages.find(({ status, complete }) => status >= 200 && complete);
    if (answer === undefined) return;
    messages.length = 0;
    this.#answered(answer);
  }

  #answered(answer: WireMessage): void {
    const { report } = this.#load;
    const token = this.#token;
    if (token === null) {
      report.misrouted.push('an answer nobody asked for');
      return;
    }
    this.#token = null;
    report.answered++;
    report.answersByConnection[this.#index] = (report.answersByConnection[this.#index] ?? 0) + 1;
    report.latency.record(Math.max(1, Math.round((performance.now() - this.#sentAtMs) * 1000)));
    report.byStatus.set(answer.status, (report.byStatus.get(answer.status) ?? 0) + 1);
    this.#check(token, answer);
    if (answer.fields.some(([name, value]) => name.toLowerCase() === 'connection' && value === 'close')) {
      this.#socket?.destroy();
      this.#socket = null;
    }
    this.#load.ready(this);
  }

  #check(token: string, answer: WireMessage): void {
    const { report } = this.#load;
    const [cluster, , echoed] = Buffer.concat(answer.body).toString('latin1').split(' ');
    const isEcho = cluster === 'x' || cluster === 'y';
    if (isEcho && echoed !== token) report.misrouted.push(`${token} got ${echoed}`);
    if (!isEcho && answer.status === 200) report.misrouted.push(`${token} got a 200 from nowhere`);
    if (isEcho) {
      report.byCluster[cluster]++;
      const changes = report.clusterChanges[this.#index] ?? '';
      if (changes.length < clusterChangesMax && !changes.endsWith(cluster))
        report.clusterChanges[this.#index] = changes + cluster;
    }
    if (answer.status !== 200) this.#failed(token, String(answer.status));
  }

  #failed(token: string, what: string): void {
    this.#load.report.failures.push({ token, method: this.#method, what });
  }

  #gone(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.destroy();
    this.#load.report.reconnects++;
    const token = this.#token;
    if (token === null) return;
    this.#token = null;
    this.#load.report.lost++;
    this.#failed(token, 'lost');
    this.#load.ready(this);
  }
}

export class LoadClient {
  readonly options: LoadOptions;
  readonly random: Random;
  readonly name: string;
  readonly report: LoadReport;
  readonly #connections: Connection[];
  readonly #waiting: Connection[] = [];
  #isRunning = false;
  #allowance = 0;
  #pacer: NodeJS.Timeout | null = null;
  #lastPaceMs = 0;
  readonly #signal = new Signal();

  constructor(options: LoadOptions) {
    this.options = options;
    this.random = createRandom(options.seed);
    this.name = `c${nextClient++}`;
    this.#connections = Array.from(
      { length: options.connections },
      (_, index) => new Connection(this, index),
    );
    this.report = {
      sent: 0,
      answered: 0,
      lost: 0,
      aborted: 0,
      misrouted: [],
      invalid: [],
      byStatus: new Map(),
      byCluster: { x: 0, y: 0 },
      failures: [],
      latency: createHistogram({ lowest: 1, highest: 1_000_000_000, figures: 3 }),
      postTokens: [],
      clusterChanges: [],
      answersByConnection: Array.from({ length: options.connections }, () => 0),
      reconnects: 0,
    };
  }

  start(): this {
    this.#isRunning = true;
    const { requestsPerSecond } = this.options;
    if (requestsPerSecond !== undefined) {
      this.#lastPaceMs = performance.now();
      this.#pacer = setInterval(() => this.#pace(requestsPerSecond), 5);
    }
    for (const connection of this.#connections) this.ready(connection);
    return this;
  }

  #pace(requestsPerSecond: number): void {
    const nowMs = performance.now();
    // A stalled load generator does not make up for it in one burst.
    this.#allowance += (Math.min(100, nowMs - this.#lastPaceMs) / 1000) * requestsPerSecond;
    this.#lastPaceMs = nowMs;
    while (this.#allowance >= 1 && this.#waiting.length > 0) {
      this.#allowance--;
      this.#waiting.shift()?.send();
    }
    this.#allowance = Math.min(this.#allowance, this.options.connections);
  }

  /** A connection may send its next request. */
  ready(connection: Connection): void {
    this.#signal.notify();
    if (!this.#isRunning) return;
    if (this.#pacer !== null) this.#waiting.push(connection);
    // On a turn of its own: an abort is ready at once and would recurse.
    else setImmediate(() => this.#isRunning && connection.isIdle && connection.send());
  }

  /** Resolves once so many answers are in. */
  async untilAnswered(count: number): Promise<void> {
    const { report } = this;
    const answered = () => report.answered + report.lost;
    // In portions: however many they are, a machine that gets on with them is not one that hangs.
    while (answered() < count) {
      const goal = Math.min(count, answered() + answersPerWait);
      await this.#until(() => answered() >= goal, `${goal} answers`);
    }
  }

  /** Resolves once every connection got so many answers more. */
  async untilEachAnswered(count: number): Promise<void> {
    const goals = this.report.answersByConnection.map((answers) => answers + count);
    await this.#until(
      () => this.report.answersByConnection.every((answers, index) => answers >= (goals[index] ?? 0)),
      `${count} more answers on each of ${goals.length} connections`,
    );
  }

  /** Sends nothing more, waits for what is under way, closes. */
  async stop(): Promise<LoadReport> {
    this.#isRunning = false;
    if (this.#pacer !== null) clearInterval(this.#pacer);
    await this.#until(() => this.#connections.every(({ isIdle }) => isIdle), 'what is under way');
    for (const connection of this.#connections) connection.close();
    return this.report;
  }

  #until(predicate: () => boolean, what: string): Promise<void> {
    return this.#signal.until(predicate, what, () => {
      const { sent, answered, lost, aborted, byStatus, failures } = this.report;
      return { sent, answered, lost, aborted, byStatus, failures: failures.slice(0, 3) };
    });
  }
}

/** A seed for this run, from SEED in the environment where a run is to be repeated; printed by the caller. */
export const chooseSeed = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
