// Opens new connections at a rate, with one request on each, and counts what happened to every one of them.
import { connect } from 'node:net';
import { Signal } from './signal.ts';
import { hangMs } from './until.ts';

const batchMs = 5;
/** Source addresses, so that the ports of closed connections do not run out. */
const sourceCount = 32;

export interface ConnectReport {
  /** Connections tried. */
  connects: number;
  refused: number;
  reset: number;
  /** Anything else but a complete 200. */
  failed: number;
  answered: number;
  /** From connect to the end of the answer, ms, at most. */
  slowestMs: number;
  /** What went wrong first, at most ten. */
  readonly problems: string[];
}

export interface ConnectLoadOptions {
  readonly port: number;
  readonly perSecond: number;
  /**
   * Open at once; while there are so many, the rate is what the machine is able to. Absent: the rate is kept
   * whatever becomes of them.
   */
  readonly openMax?: number;
  /** An answer that takes longer is a failure. */
  readonly answerMsMax?: number;
}

export class ConnectLoad {
  readonly report: ConnectReport = {
    connects: 0,
    refused: 0,
    reset: 0,
    failed: 0,
    answered: 0,
    slowestMs: 0,
    problems: [],
  };
  readonly #port: number;
  readonly #perSecond: number;
  readonly #openMax: number;
  readonly #answerMsMax: number;
  readonly #signal = new Signal();
  readonly #startedAtMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #open = 0;

  constructor({
    port,
    perSecond,
    openMax = Number.POSITIVE_INFINITY,
    answerMsMax = hangMs,
  }: ConnectLoadOptions) {
    this.#port = port;
    this.#perSecond = perSecond;
    this.#openMax = openMax;
    this.#answerMsMax = answerMsMax;
    // A test that failed must not be kept running by its load.
    this.#timer = setInterval(() => this.#openDue(), batchMs).unref();
  }

  /** Resolves when so many more connections have been answered. */
  untilAnswered(more: number): Promise<void> {
    const wanted = this.report.answered + more;
    return this.#signal.until(
      () => this.report.answered >= wanted,
      `${more} more connections to be answered`,
      () => this.report,
    );
  }

  /** Opens no more, and waits for those that are open. */
  async stop(): Promise<ConnectReport> {
    clearInterval(this.#timer);
    await this.#signal.until(
      () => this.#open === 0,
      'open connections to end',
      () => this.report,
    );
    return this.report;
  }

  #openDue(): void {
    const due = ((performance.now() - this.#startedAtMs) / 1000) * this.#perSecond;
    while (this.report.connects < due && this.#open < this.#openMax) this.#connect(this.report.connects++);
  }

  #connect(number: number): void {
    const startedAtMs = performance.now();
    const localAddress = `127.0.0.${2 + (number % sourceCount)}`;
    const socket = connect({ host: '127.0.0.1', port: this.#port, localAddress });
    let received = '';
    let problem: string | null = null;
    this.#open++;
    socket.setTimeout(this.#answerMsMax, () => {
      problem = 'no answer';
      socket.destroy();
    });
    socket.setEncoding('latin1');
    socket.on('connect', () =>
      socket.write(`GET /t/${number} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`),
    );
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => {
      problem = code;
    });
    socket.on('close', () => {
      const isComplete = received.startsWith('HTTP/1.1 200') && received.includes(` ${number} `);
      problem ??= isComplete ? null : `answered "${received.slice(0, 40)}"`;
      this.#count(number, problem, performance.now() - startedAtMs);
    });
  }

  #count(number: number, problem: string | null, tookMs: number): void {
    const { report } = this;
    this.#open--;
    report.slowestMs = Math.max(report.slowestMs, tookMs);
    if (problem === null) report.answered++;
    else {
      if (problem === 'ECONNREFUSED') report.refused++;
      else if (problem === 'ECONNRESET' || problem === 'EPIPE') report.reset++;
      else report.failed++;
      if (report.problems.length < 10) report.problems.push(`${number}: ${problem}`);
    }
    this.#signal.notify();
  }
}
