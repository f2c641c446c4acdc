// Many WebSockets for minutes: every byte must come back, an end of either side must reach the other at once,
// and a drain must leave them alone until its deadline and then end them. By hand:
//   node test/soak/websockets.ts [--sockets N] [--minutes N] [--seed N] [--write]
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { createRandom, type Random } from '#src/base/random.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { documentedTimeouts, testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atLeast, atMost, type Figure, forInformation } from './report.ts';

const messageBytesMax = 20_000;
/** Each socket's turn comes about once a second. */
const turnEveryMs = 10;
const slices = 100;
const drainMs = 5_000;
const endings = 50;
const patienceMs = 5_000;

interface Upstream {
  readonly server: Server;
  readonly port: number;
  readonly sockets: WebSocketServer;
  /** Tunnels that are not WebSockets: the bare sockets behind the 101. */
  readonly bare: Signal & { last: Duplex | null };
}

async function startUpstream(): Promise<Upstream> {
  const server = createServer((_, response) => response.end('ok'));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 2 * messageBytesMax });
  const bare = Object.assign(new Signal(), { last: null as Duplex | null });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url === '/bare') {
      socket.on('error', () => {});
      socket.resume();
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bare\r\n\r\n');
      bare.last = socket;
      bare.notify();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => {});
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: address !== null && typeof address === 'object' ? address.port : 0, sockets, bare };
}

const toBuffer = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);

/** One conversation: what was sent and what came back, as digests that grow. */
class Conversation {
  readonly socket: WebSocket;
  readonly #sent: Hash = createHash('sha1');
  readonly #received: Hash = createHash('sha1');
  messagesSent = 0;
  messagesReceived = 0;
  closedEarly = false;

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closedEarly = true;
    });
    this.socket.on('message', (data) => {
      this.#received.update(toBuffer(data));
      this.messagesReceived++;
    });
  }

  say(random: Random): void {
    const bytes = Buffer.alloc(random.nextUint32() % messageBytesMax, random.nextUint32() & 255);
    this.#sent.update(bytes);
    this.messagesSent++;
    this.socket.send(bytes);
  }

  /** Whether everything came back as it was; ends the digests. */
  isWhole(): boolean {
    return (
      this.messagesSent === this.messagesReceived && this.#sent.digest('hex') === this.#received.digest('hex')
    );
  }
}

async function converse(
  conversations: readonly Conversation[],
  durationMs: number,
  run: Run,
): Promise<Figure[]> {
  const random = createRandom(run.seed);
  let turn = 0;
  const timer = setInterval(() => {
    for (let at = turn++ % slices; at < conversations.length; at += slices) conversations[at]?.say(random);
  }, turnEveryMs);
  for (let minute = 0; minute < durationMs / 60_000; minute++) {
    await wait(Math.min(60_000, durationMs));
    run.say(
      `${conversations.reduce((sum, { messagesReceived }) => sum + messagesReceived, 0)} messages echoed`,
    );
  }
  clearInterval(timer);
  await wait(patienceMs); // the last echoes
  return [
    forInformation(
      'messages',
      conversations.reduce((sum, { messagesSent }) => sum + messagesSent, 0),
    ),
    atMost(
      'conversations with a byte missing or different',
      conversations.filter((one) => !one.isWhole()).length,
      0,
    ),
    atMost('closed before their time', conversations.filter(({ closedEarly }) => closedEarly).length, 0),
  ];
}

async function openBare(
  upstream: Upstream,
  crossover: Crossover,
): Promise<{ client: Socket; server: Duplex }> {
  upstream.bare.last = null;
  const client = connect({ port: crossover.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  client.write('GET /bare HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: bare\r\n\r\n');
  await once(client, 'data');
  await upstream.bare.within(() => upstream.bare.last !== null, patienceMs);
  const server = upstream.bare.last as Duplex | null;
  if (server === null) throw new Error('no tunnel reached the upstream');
  client.resume();
  return { client, server };
}

/**
 * Milliseconds from the act to the event; infinite when it does not come. Not `once`: a reset comes with an
 * error first.
 */
function delayOf(emitter: Duplex, event: string, act: () => void): Promise<number> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const late = setTimeout(() => resolve(Number.POSITIVE_INFINITY), patienceMs);
    emitter.once(event, () => {
      clearTimeout(late);
      resolve(performance.now() - startedMs);
    });
    act();
  });
}

/** How long an end of one side takes to reach the other: FIN with the other direction still open, and RST. */
async function endingDelays(upstream: Upstream, crossover: Crossover): Promise<Figure[]> {
  const halfCloseMs: number[] = [];
  const resetMs: number[] = [];
  let lateBytes = 0;
  for (let round = 0; round < endings; round++) {
    const { client, server } = await openBare(upstream, crossover);
    halfCloseMs.push(await delayOf(server, 'end', () => client.end()));
    const late = once(client, 'data', { signal: AbortSignal.timeout(patienceMs) });
    server.write('after your end');
    lateBytes += ((await late) as [Buffer])[0].length;
    halfCloseMs.push(await delayOf(client, 'end', () => server.end()));
    const torn = await openBare(upstream, crossover);
    const [one, other] = round % 2 === 0 ? [torn.client, torn.server] : [torn.server, torn.client];
    resetMs.push(await delayOf(other, 'close', () => (one as Socket).resetAndDestroy()));
  }
  return [
    atMost('half-close reaches the other side, slowest, ms', Math.max(...halfCloseMs), 100),
    atLeast(
      'half-closed tunnels that still carried the other direction',
      lateBytes / 'after your end'.length,
      endings,
    ),
    atMost('reset reaches the other side, slowest, ms', Math.max(...resetMs), 100),
  ];
}

async function drain(conversations: readonly Conversation[], crossover: Crossover): Promise<Figure[]> {
  const startedMs = performance.now();
  const closedAfterMs = conversations.map(async ({ socket }) => {
    await once(socket, 'close');
    return performance.now() - startedMs;
  });
  await crossover.order({ type: 'drain' });
  const delays = await Promise.all(closedAfterMs);
  return [
    atLeast('drain: first socket ended, ms', Math.min(...delays), drainMs),
    atMost('drain: last socket ended, ms', Math.max(...delays), drainMs + 1_000),
  ];
}

async function measure(run: Run): Promise<Measured> {
  const upstream = await startUpstream();
  const crossover = await startCrossover(
    testConfig({
      workers: 2,
      x: [upstream.port],
      y: [upstream.port],
      timeouts: { ...documentedTimeouts, drainMs },
    }),
  );
  const conversations: Conversation[] = [];
  while (conversations.length < run.option('sockets')) {
    const conversation = new Conversation(crossover.port);
    await once(conversation.socket, 'open');
    conversations.push(conversation);
  }
  run.say(`${conversations.length} sockets open`);
  const echoes = await converse(conversations, run.option('minutes') * 60_000, run);
  const delays = await endingDelays(upstream, crossover);
  run.say('ends and resets measured');
  const drained = await drain(conversations, crossover);
  await crossover.stop();
  const figures = [forInformation('sockets', conversations.length), ...echoes, ...delays, ...drained];
  return {
    figures,
    notes: [`Messages of up to ${messageBytesMax} bytes, about one a second on each socket.`],
  };
}

await runLongForm({
  title: 'WebSockets',
  file: 'test/soak/websockets.ts',
  options: { sockets: 1_000, minutes: 5 },
  measure,
});
