// Seeded mutation fuzz over the socket: valid requests, mutated, from many connections at once. The proxy must not crash,
// hang or send an upstream anything but plain HTTP/1.1, and others must be served meanwhile. By hand:
//   node test/soak/tcp-fuzz.ts --inputs 1000000 --seed 1
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '#src/base/random.ts';
import { PPM } from '#src/limits.ts';
import { startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { chooseSeed } from '../support/load-client.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import { StrictStream } from '../support/strict-stream.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';

const templates = [
  'GET /a HTTP/1.1\r\nHost: h\r\n\r\n',
  'GET http://h/a?b HTTP/1.1\r\nHost: h\r\nConnection: X-A\r\nX-A: b\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world',
  'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n',
  'PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok',
  'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HEAD /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n',
];
const tokens = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\x0b',
  '\x7f',
  '\xa0',
  '\xff',
  '0',
  '1',
  '5',
  'a',
  'f',
  '-',
  '+',
  '/',
  '%',
  '#',
  '"',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: i\r\n',
  'chunked',
  'HTTP/1.1',
  '0\r\n\r\n',
  '\r\n\r\n',
  ' \r\n',
  '\r\n ',
  'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
  'FFFFFFFFFFFFFFFF',
  '9007199254740993',
];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.nextUint32() % items.length] as T;

/** One to four edits: insert, delete, replace, duplicate a stretch, swap a byte. */
export function mutate(random: Random): Buffer {
  let text = pick(random, templates);
  if (random.nextUint32() % 4 === 0) text += pick(random, templates);
  const edits = random.nextUint32() % 5;
  for (let edit = 0; edit < edits; edit++) {
    const at = random.nextUint32() % (text.length + 1);
    const length = random.nextUint32() % 12;
    switch (random.nextUint32() % 5) {
      case 0:
        text = text.slice(0, at) + pick(random, tokens) + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 2:
        text = text.slice(0, at) + pick(random, tokens) + text.slice(at + length);
        break;
      case 3:
        text = text.slice(0, at + length) + text.slice(at);
        break;
      default:
        text = text.slice(0, at) + String.fromCharCode(random.nextUint32() & 255) + text.slice(at + 1);
    }
  }
  return Buffer.from(text, 'latin1');
}

/** Judges every byte it gets and answers what is complete. */
class JudgingUpstream {
  readonly server: Server;
  readonly problems: string[] = [];
  requests = 0;

  constructor() {
    this.server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  #serve(socket: Socket): void {
    const stream = new StrictStream('request');
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      stream.push(bytes);
      if (stream.problem !== null) {
        this.problems.push(stream.problem);
        socket.destroy();
        return;
      }
      for (const { method, target } of stream.messages.filter(({ complete }) => complete)) {
        this.requests++;
        const body = `${method} ${target}`;
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
        socket.write(method === 'HEAD' ? head : head + body, 'latin1');
      }
      stream.messages.splice(0, stream.messages.filter(({ complete }) => complete).length);
    });
  }
}

export interface FuzzReport {
  readonly inputs: number;
  /** Bytes at the upstream that were not plain HTTP/1.1. */
  readonly upstreamProblems: readonly string[];
  /** Inputs, JSON-quoted, that left a connection hanging. */
  readonly hangs: readonly string[];
  readonly crash: string | null;
  readonly victims: number;
  readonly victimsWronged: number;
  readonly requestsServed: number;
  readonly rssGrowthBytes: number;
  readonly fdGrowth: number;
}

const hangMs = 5_000;
const victimEvery = 50;

/** Sends one input, half-closes, and waits for the proxy to close. False when it does not. */
async function throwAt(port: number, input: Buffer, cutAt: number): Promise<boolean> {
  const signal = new Signal();
  const client = new WireClient(port, [], signal.notify);
  client.socket.write(input.subarray(0, cutAt));
  if (cutAt < input.length)
    setImmediate(() => client.socket.writable && client.socket.write(input.subarray(cutAt)));
  setImmediate(() => setImmediate(() => client.socket.end()));
  const closed = await signal.until(() => client.ended || client.closed, hangMs);
  client.socket.destroy();
  return closed;
}

export async function fuzz(inputs: number, seed: number, atOnce = 32): Promise<FuzzReport> {
  const upstream = new JudgingUpstream();
  upstream.server.listen(0, '127.0.0.1');
  await once(upstream.server, 'listening');
  const address = upstream.server.address();
  const upstreamPort = address !== null && typeof address === 'object' ? address.port : 0;
  const config = testConfig({ workers: 2, x: [upstreamPort], y: [upstreamPort] });
  const crossover = await startCrossover(config, { weightPpm: PPM / 2 });
  const random = createRandom(seed);
  const hangs: string[] = [];
  let left = inputs;
  let victims = 0;
  let victimsWronged = 0;
  const askAsVictim = async (): Promise<void> => {
    const target = `/victim-${victims++}`;
    const answer = await fetchOnce(crossover.port, target, hangMs);
    if (answer?.body !== `GET ${target}`) victimsWronged++;
  };
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      if (left % victimEvery === 0) await askAsVictim();
      const input = mutate(random);
      const closed = await throwAt(crossover.port, input, random.nextUint32() % (input.length + 1));
      if (!closed) hangs.push(JSON.stringify(input.toString('latin1')));
    }
  };
  await askAsVictim();
  const settled = async (): Promise<{ fds: number; rss: number }> => {
    await askAsVictim();
    return { fds: fileDescriptorCount(crossover.pid), rss: rssBytes(crossover.pid) };
  };
  // The first inputs warm the proxy up: code, pools and buffers it then keeps.
  const warmup = Math.min(2_000, inputs >> 1);
  left = warmup;
  await Promise.all(Array.from({ length: atOnce }, work));
  const before = await settled();
  left = inputs - warmup;
  await Promise.all(Array.from({ length: atOnce }, work));
  const after = await settled();
  const crash = crossover.problem();
  await crossover.stop();
  upstream.server.close();
  return {
    inputs,
    upstreamProblems: upstream.problems,
    hangs,
    crash,
    victims,
    victimsWronged,
    requestsServed: upstream.requests,
    rssGrowthBytes: after.rss - before.rss,
    fdGrowth: after.fds - before.fds,
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { inputs: { type: 'string' }, seed: { type: 'string' } } });
  const seed = Number(values.seed ?? chooseSeed());
  const startedMs = performance.now();
  const report = await fuzz(Number(values.inputs ?? 100_000), seed);
  console.log(`seed ${seed}, ${Math.round((performance.now() - startedMs) / 1000)} s`);
  console.log(JSON.stringify(report, null, 2));
  process.exit(
    report.crash === null &&
      report.hangs.length + report.victimsWronged + report.upstreamProblems.length === 0
      ? 0
      : 1,
  );
}
