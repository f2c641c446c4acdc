// Plays one wire case against a proxy: the client's bytes and the upstream's, step by step, each step waiting
// for the event before it and never for time to pass. What came of it is for judge.ts.
import type { ReceivedRequest, ScriptedUpstream } from '../support/scripted-upstream.ts';
import type { Signal } from '../support/signal.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';
import { decodeWireText } from '../support/wire-text.ts';
import type { Outcome, Step, WireCase } from './case-file.ts';

const victimCount = 3;

export interface Bench {
  readonly proxyPort: number;
  readonly x: ScriptedUpstream;
  readonly y: ScriptedUpstream | null;
  readonly signal: Signal;
  /** Longer than this without the awaited event is a hang. */
  readonly hangMs: number;
}

export interface Observation {
  readonly clients: readonly WireClient[];
  readonly requests: readonly ReceivedRequest[];
  /** What was waited for in vain; null when nothing was. */
  hang: string | null;
  /** Bytes at an upstream that are not plain HTTP/1.1, or a request left unfinished on an open connection. */
  readonly upstreamProblems: string[];
  /** Other clients got something that was not theirs. */
  victimProblem: string | null;
  /** Whether the connection served one more request afterwards; null when not tried. */
  servedAgain: boolean | null;
}

class Player {
  readonly #bench: Bench;
  readonly #case: WireCase;
  readonly #clients: WireClient[] = [];
  readonly #observation: Observation;
  #replying: ReceivedRequest | null = null;
  #pieceBytes = 0;
  #replyPieceBytes = 0;

  constructor(bench: Bench, wireCase: WireCase) {
    this.#bench = bench;
    this.#case = wireCase;
    this.#observation = {
      clients: this.#clients,
      requests: [],
      hang: null,
      upstreamProblems: [],
      victimProblem: null,
      servedAgain: null,
    };
  }

  get #upstreams(): ScriptedUpstream[] {
    return this.#bench.y === null ? [this.#bench.x] : [this.#bench.x, this.#bench.y];
  }

  get #client(): WireClient {
    return this.#clients.at(-1) ?? this.#connect();
  }

  #requests(): ReceivedRequest[] {
    return this.#upstreams.flatMap(({ requests }) => requests);
  }

  async play(): Promise<Observation> {
    const manual = this.#case.steps.some(
      (step) =>
        step.kind === 'reply' ||
        (step.kind === 'do' && /^(upstream (?!continues)|next|await request)/.test(step.action)),
    );
    for (const upstream of this.#upstreams) upstream.automatic = !manual;
    this.#connect();
    for (const step of this.#case.steps) if (!(await this.#step(step))) break;
    await this.#settle();
    await this.#lookAround();
    return { ...this.#observation, requests: this.#requests() };
  }

  #connect(): WireClient {
    const client = new WireClient(this.#bench.proxyPort, this.#case.methods, this.#bench.signal.notify);
    this.#clients.push(client);
    return client;
  }

  /** False when the rest of the script makes no sense any more. */
  async #step(step: Step): Promise<boolean> {
    switch (step.kind) {
      case 'send':
        return await this.#send(step.bytes);
      case 'reply':
        return await this.#reply(step.bytes);
      case 'do':
        return await this.#do(step.action, step.argument);
    }
  }

  async #send(bytes: Buffer): Promise<boolean> {
    const { socket } = this.#client;
    const pieceBytes = this.#pieceBytes || bytes.length;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (at > 0 && !(await this.#barrier())) return false;
      if (socket.writable) socket.write(bytes.subarray(at, at + pieceBytes));
    }
    return true;
  }

  async #reply(bytes: Buffer): Promise<boolean> {
    if (this.#replying === null && !(await this.#awaitRequest())) return false;
    const socket = this.#replying?.connection.socket;
    const pieceBytes = this.#replyPieceBytes || bytes.length;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (at > 0 && !(await this.#barrier())) return false;
      if (socket?.writable) socket.write(bytes.subarray(at, at + pieceBytes));
    }
    return true;
  }

  /** Until a request has arrived that nobody has taken, or it is plain that none will come. */
  async #awaitRequest(): Promise<boolean> {
    const untaken = () => this.#requests().find(({ message }) => !message.taken);
    const client = this.#client;
    const takenCount = this.#requests().length;
    const answered = () => client.finals().length > takenCount || client.ended;
    await this.#until('a request at the upstream', () => untaken() !== undefined || answered());
    const request = untaken();
    if (request === undefined) return false;
    request.message.taken = true;
    this.#replying = request;
    return true;
  }

  async #until(what: string, predicate: () => boolean): Promise<boolean> {
    const { signal, hangMs } = this.#bench;
    await signal.within(() => predicate() || this.#isUpstreamPoisoned(), hangMs);
    if (predicate()) return true;
    if (!this.#isUpstreamPoisoned()) this.#observation.hang ??= what;
    return false;
  }

  /** Bytes have reached an upstream that it can't answer: waiting for an answer is of no use. */
  #isUpstreamPoisoned(): boolean {
    return this.#upstreams.some(({ connections }) =>
      connections.some(({ stream }) => stream.problem !== null),
    );
  }

  /**
   * Another client's exchange goes through the same event loop: what was sent before it has been dealt with.
   */
  async #barrier(): Promise<boolean> {
    if ((await fetchOnce(this.#bench.proxyPort, '/-barrier', this.#bench.hangMs)) !== null) return true;
    this.#observation.hang ??= 'another client, while this case ran';
    return false;
  }

  async #do(action: string, argument: string): Promise<boolean> {
    const client = this.#client;
    const upstreamSocket = this.#replying?.connection.socket;
    switch (action) {
      case 'settle':
        return await this.#barrier();
      case 'pieces':
        this.#pieceBytes = Number(argument);
        return true;
      case 'reply pieces':
        this.#replyPieceBytes = Number(argument);
        return true;
      case 'end':
        client.finished = true;
        client.socket.end();
        return true;
      case 'reset':
        client.finished = true;
        client.socket.resetAndDestroy();
        return true;
      case 'reconnect':
        this.#connect();
        return true;
      case 'await request':
        return await this.#awaitRequest();
      case 'await whole request':
        return await this.#until('the whole request', () => this.#replying?.message.complete ?? false);
      case 'await response':
        return await this.#awaitResponse(Number(argument || 1));
      case 'await interim':
        return await this.#until(
          `interim ${argument}`,
          () => this.#sawInterim(Number(argument)) || client.ended,
        );
      case 'await client bytes':
        return await this.#until(
          argument,
          () => client.bytes().includes(decodeWireText(argument)) || client.ended,
        );
      case 'await upstream bytes':
        return await this.#until(argument, () => this.#upstreamGot(argument) || client.ended);
      case 'await closed':
        return await this.#until('the close of the connection', () => client.ended);
      case 'await upstream end':
        return await this.#until('the close of the upstream connection', () => this.#upstreamGone());
      case 'next':
        this.#replying = null;
        return true;
      case 'upstream end':
        upstreamSocket?.end();
        return true;
      case 'upstream reset':
        upstreamSocket?.resetAndDestroy();
        return true;
      case 'upstream idle end':
        this.#eachIdle((socket) => socket.end());
        return true;
      case 'upstream idle reset':
        this.#eachIdle((socket) => socket.resetAndDestroy());
        return true;
      case 'upstream idle write':
        this.#eachIdle((socket) => socket.write(decodeWireText(argument)));
        return true;
      case 'upstream continues':
        for (const upstream of this.#upstreams) upstream.continues = true;
        return true;
      case 'upstream down':
        await this.#upstreamNamed(argument)?.stop();
        return true;
      case 'upstream pause':
        upstreamSocket?.pause();
        return true;
      case 'upstream resume':
        upstreamSocket?.resume();
        return true;
      default:
        throw new Error(`${this.#case.file}:${this.#case.line}: unknown action ${action}`);
    }
  }

  async #awaitResponse(count: number): Promise<boolean> {
    const client = this.#client;
    return await this.#until(`response ${count}`, () => client.finals().length >= count || client.ended);
  }

  #sawInterim(status: number): boolean {
    const { messages } = this.#client.stream;
    return messages.some((message) => message.status === status || message.status >= 200);
  }

  #upstreamGot(text: string): boolean {
    const received = this.#replying?.connection.received ?? [];
    return Buffer.concat(received).includes(decodeWireText(text));
  }

  #upstreamGone(): boolean {
    const connection = this.#replying?.connection;
    return connection === undefined || connection.ended || connection.closed;
  }

  #eachIdle(act: (socket: WireClient['socket']) => void): void {
    for (const { connections } of this.#upstreams) {
      for (const { socket, stream } of connections) if (stream.current === null) act(socket);
    }
  }

  #upstreamNamed(name: string): ScriptedUpstream | undefined {
    return this.#upstreams.find((upstream) => upstream.name === (name || 'x'));
  }

  /** Lets the exchange come to its end: answers what is left, then waits for what the case expects. */
  async #settle(): Promise<void> {
    for (const upstream of this.#upstreams) {
      upstream.automatic = true;
      for (const connection of upstream.connections) upstream.answerComplete(connection);
    }
    const client = this.#client;
    if (client.finished && client.socket.destroyed) return void (await this.#barrier());
    const wantsClose = this.#case.ok.every(endsConnection);
    const expected = Math.max(...this.#case.ok.map(finalCount));
    const done = () => client.ended || (client.finals().length >= expected && client.stream.current === null);
    const tunnelled = () => client.stream.phase === 'tunnel';
    if (expected > 0 || wantsClose) {
      await this.#until('the answer', () => (expected > 0 && done()) || client.ended || tunnelled());
    }
    await this.#barrier();
    if (wantsClose && !client.ended && announcesClose(client)) {
      await this.#until('the close that was announced', () => client.ended);
    }
  }

  async #lookAround(): Promise<void> {
    await this.#tryAgain();
    for (const upstream of this.#upstreams) if (!upstream.listening) await upstream.listen();
    await Promise.all(Array.from({ length: victimCount }, (_, index) => this.#victim(index)));
    await this.#checkUpstreams();
  }

  /** The same connection must still serve when the case expects it open. */
  async #tryAgain(): Promise<void> {
    const client = this.#client;
    if (!this.#case.ok.some(({ connection }) => connection === 'open') || client.ended) return;
    const before = client.finals().length;
    client.socket.write('GET /-again HTTP/1.1\r\nHost: h\r\n\r\n');
    await this.#until('one more answer', () => client.finals().length > before || client.ended);
    const last = client.finals().at(-1);
    const body = last === undefined ? '' : Buffer.concat(last.body).toString('latin1');
    this.#observation.servedAgain = client.finals().length > before && body === 'GET /-again';
  }

  async #victim(index: number): Promise<void> {
    const target = `/-victim-${index}`;
    const answer = await fetchOnce(this.#bench.proxyPort, target, this.#bench.hangMs);
    const isOwn = answer?.status === 200 && answer.body === `GET ${target}`;
    if (!isOwn) this.#observation.victimProblem ??= answer === null ? 'no answer' : JSON.stringify(answer);
  }

  async #checkUpstreams(): Promise<void> {
    const { signal, hangMs } = this.#bench;
    for (const { connections } of this.#upstreams) {
      for (const connection of connections) {
        const { stream, socket } = connection;
        socket.resume();
        if (stream.problem !== null) this.#observation.upstreamProblems.push(stream.problem);
        const isPartial = () => stream.current !== null || stream.pending.length > 0;
        const isOver = () => connection.ended || connection.closed || !isPartial();
        if (isPartial() && !this.#stillSending() && !(await signal.within(isOver, hangMs)))
          this.#observation.upstreamProblems.push('a request was left unfinished on an open connection');
      }
    }
  }

  /** A client that is still connected and has not got its answer may rightly keep its request open. */
  #stillSending(): boolean {
    const client = this.#client;
    return !client.ended && client.finals().length === 0;
  }
}

const finalCount = (outcome: Outcome): number =>
  outcome.unanswered ? 0 : outcome.refuse !== null ? 1 : outcome.responses.length || outcome.serve.length;

const endsConnection = ({ refuse, connection }: Outcome): boolean =>
  refuse !== null || connection === 'closed' || connection === 'truncated';

function announcesClose(client: WireClient): boolean {
  const last = client.finals().at(-1);
  return (
    last?.fields.some(
      ([name, value]) => name.toLowerCase() === 'connection' && value.toLowerCase().includes('close'),
    ) ?? false
  );
}

/** Plays the case and cleans up behind it, so that the next one finds no open connection. */
export async function playCase(bench: Bench, wireCase: WireCase): Promise<Observation> {
  const observation = await new Player(bench, wireCase).play();
  for (const client of observation.clients) client.socket.destroy();
  await Promise.all([bench.x.forget(), bench.y?.forget()]);
  return observation;
}
