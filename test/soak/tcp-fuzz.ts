// Seeded mutation fuzz over the socket: valid requests, mutated, from many connections at once. The proxy
// must not crash, hang or send an upstream anything but plain HTTP/1.1, and others must be served meanwhile.
// By hand:
//   node test/soak/tcp-fuzz.ts [--inputs N] [--runs N] [--seed N] [--write]
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createRandom, type Random } from '#src/base/random.ts';
import { PPM } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import { StrictStream } from '../support/strict-stream.ts';
import { hangMs, until } from '../support/until.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atLeast, atMost, forInformation } from './report.ts';

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

const MiB = 1024 * 1024;
const victimEvery = 50;
const atOnce = 32;
const sampleEveryMs = 500;

/** Sends one input, half-closes, and waits for the proxy to close. False when it does not. */
async function throwAt(port: number, input: Buffer, cutAt: number): Promise<boolean> {
  const signal = new Signal();
  const client = new WireClient(port, [], signal.notify);
  client.socket.write(input.subarray(0, cutAt));
  if (cutAt < input.length)
    setImmediate(() => client.socket.writable && client.socket.write(input.subarray(cutAt)));
  setImmediate(() => setImmediate(() => client.socket.end()));
  const closed = await signal.within(() => client.ended || client.closed, hangMs);
  client.socket.destroy();
  return closed;
}

const sumOf = (slabs: readonly Float64Array[], ...fields: readonly number[]): number =>
  slabs.reduce((sum, slab) => fields.reduce((total, field) => total + (slab[field] ?? 0), sum), 0);

/** A proxy between fuzzed connections and an upstream that judges what it gets. */
export class FuzzBed {
  readonly upstream: JudgingUpstream;
  readonly crossover: Crossover;
  /** Inputs, JSON-quoted, that left a connection hanging. */
  readonly hangs: string[] = [];
  victims = 0;
  victimsWronged = 0;

  private constructor(upstream: JudgingUpstream, crossover: Crossover) {
    this.upstream = upstream;
    this.crossover = crossover;
  }

  static async start(): Promise<FuzzBed> {
    const upstream = new JudgingUpstream();
    upstream.server.listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    const address = upstream.server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const config = testConfig({ workers: 2, x: [port], y: [port] });
    return new FuzzBed(upstream, await startCrossover(config, { weightPpm: PPM / 2 }));
  }

  /** Throws so many mutated inputs, and has others ask in between. */
  async throwInputs(inputs: number, random: Random): Promise<void> {
    const { port } = this.crossover;
    let left = inputs;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        if (left % victimEvery === 0) await this.#askAsVictim();
        const input = mutate(random);
        const closed = await throwAt(port, input, random.nextUint32() % (input.length + 1));
        if (!closed) this.hangs.push(JSON.stringify(input.toString('latin1')));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  async #askAsVictim(): Promise<void> {
    const target = `/victim-${this.victims++}`;
    const answer = await fetchOnce(this.crossover.port, target, hangMs);
    if (answer?.body !== `GET ${target}`) this.victimsWronged++;
  }

  /** Descriptors beside the pool of upstream connections, once the proxy has let go of every client. */
  async settledDescriptors(): Promise<number> {
    const hasLeft = async () => sumOf(await this.crossover.slabs(), WORKER.connectionsOpen) === 0;
    await until(hasLeft, 'the proxy to let go of every client');
    const pooled = sumOf(await this.crossover.slabs(), WORKER.upstreamOpenX, WORKER.upstreamOpenY);
    return fileDescriptorCount(this.crossover.pid) - pooled;
  }

  async stop(): Promise<void> {
    await this.crossover.stop();
    this.upstream.server.close();
  }
}

/** Median memory of the process while `work` runs: single readings are as the garbage collector left them. */
async function medianRss(pid: number, work: Promise<void>): Promise<number> {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(rssBytes(pid)), sampleEveryMs);
  await work;
  clearInterval(timer);
  return samples.sort((a, b) => a - b)[samples.length >> 1] ?? rssBytes(pid);
}

/** One proxy through all runs, each with a seed of its own: what it does not give back adds up. */
async function measure({ seed, option, say }: Run): Promise<Measured> {
  const bed = await FuzzBed.start();
  const { pid } = bed.crossover;
  const runs = option('runs');
  const inputs = option('inputs');
  const fdsBefore = await bed.settledDescriptors();
  const rss: number[] = [];
  for (let run = 0; run < runs; run++) {
    rss.push(await medianRss(pid, bed.throwInputs(inputs, createRandom(seed + run))));
    say(
      `seed ${seed + run}: ${Math.round((rss.at(-1) ?? 0) / MiB)} MiB, ${bed.upstream.requests} requests served`,
    );
  }
  const fdGrowth = (await bed.settledDescriptors()) - fdsBefore;
  const crash = bed.crossover.problem();
  await bed.stop();
  for (const line of [...bed.hangs, ...bed.upstream.problems, ...(crash === null ? [] : [crash])]) say(line);
  const figures = [
    forInformation('inputs', runs * inputs),
    // Most mutations are refused; too few that are not would mean that the proxy is not exercised.
    atLeast('requests served, share of inputs', bed.upstream.requests / (runs * inputs), 0.1),
    atMost('crashes and internal errors', crash === null ? 0 : 1, 0),
    atMost('connections left hanging', bed.hangs.length, 0),
    atMost('upstream streams that were not plain HTTP/1.1', bed.upstream.problems.length, 0),
    forInformation('others asking meanwhile', bed.victims),
    atMost('of them not served, or with an answer not their own', bed.victimsWronged, 0),
    atMost(
      'memory growth, median of the last run over the second, MiB',
      ((rss.at(-1) ?? 0) - (rss[1] ?? 0)) / MiB,
      32,
    ),
    atMost('descriptors more than before', Math.abs(fdGrowth), 5),
  ];
  return {
    figures,
    notes: [`Seeds ${seed} to ${seed + runs - 1}, one proxy with two workers through all of them.`],
  };
}

if (import.meta.main) {
  await runLongForm({
    title: 'Mutated requests over the socket',
    file: 'test/soak/tcp-fuzz.ts',
    options: { inputs: 200_000, runs: 5 },
    measure,
  });
}
