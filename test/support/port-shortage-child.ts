// Runs in a network namespace of its own (`unshare -n`), where it may take all local ports: what becomes of
// requests when none is left for a connection to any node, and afterwards. Reports what it saw over the IPC
// channel.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { type Bed, startBed } from './bed.ts';
import { readMetrics, untilControlAnswers } from './control.ts';
import { Signal } from './signal.ts';
import { bodyOf } from './strict-stream.ts';
import { until } from './until.ts';
import { WireClient } from './wire-client.ts';

export interface PortShortageReport {
  /** Status and error code of each answer while no port was left. */
  readonly during: readonly string[];
  readonly log: readonly LogLine[];
  /** The same afterwards. */
  readonly afterwards: readonly string[];
  /** By name and labels. */
  readonly metrics: readonly (readonly [string, number])[];
  readonly events: string;
}

const rangeFile = '/proc/sys/net/ipv4/ip_local_port_range';
/** So few, for clients' connections to the proxy take one of them as well, each. */
const narrowRange = '61000 61019';
/** Enough to eject a node and to open a breaker, if they were charged. */
const requestCount = 60;

/**
 * Takes the local ports for connections to one address: all that there are, and then whichever comes free.
 */
class PortTaker {
  readonly #port: number;
  readonly #taken = new Set<Socket>();
  #isTaking = true;

  constructor(port: number) {
    this.#port = port;
  }

  /** Resolves when no port is left for the first time. */
  async takeAll(): Promise<void> {
    while (await this.#takeOne());
    void this.#takeOn();
  }

  async #takeOn(): Promise<void> {
    for (; this.#isTaking; await wait(5)) await this.#takeOne();
  }

  async #takeOne(): Promise<boolean> {
    const socket = connect(this.#port, '127.0.0.1');
    const isTaken = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.on('error', () => {});
    if (isTaken && this.#isTaking) this.#taken.add(socket);
    else socket.resetAndDestroy();
    return isTaken;
  }

  giveBack(): void {
    this.#isTaking = false;
    for (const socket of this.#taken) socket.resetAndDestroy();
  }
}

/** Asks one request after another on one connection; the answers as status and error code. */
async function askOften(bed: Bed, count: number): Promise<string[]> {
  const signal = new Signal();
  const methods = Array.from({ length: count }, () => 'GET');
  const client = new WireClient(bed.crossover.port, methods, signal.notify);
  for (let index = 0; index < count; index++) {
    client.socket.write('GET /t/token HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => client.finals().length > index || client.ended, 'an answer');
    if (client.ended) break;
  }
  client.socket.destroy();
  return client.finals().map((answer) => {
    const [, code = ''] = /"code":"(\w+)"/.exec(bodyOf(answer).toString()) ?? [];
    return `${answer.status} ${code}`.trim();
  });
}

async function run(): Promise<PortShortageReport> {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const usualRange = readFileSync(rangeFile, 'latin1');
  const bed = await startBed({ weightPpm: 500_000, health: { intervalMs: 200, timeoutMs: 5_000 } });
  // Its listener needs a port as well.
  const controlPort = await untilControlAnswers(bed.crossover);
  // No connection is kept: each request needs a port.
  for (const upstream of [bed.x, bed.y])
    upstream.misbehave = (_request, response) => {
      response.setHeader('connection', 'close');
      return false;
    };
  writeFileSync(rangeFile, narrowRange);
  const takers = [bed.x, bed.y].map(({ port }) => new PortTaker(port));
  await Promise.all(takers.map((taker) => taker.takeAll()));
  const during: string[] = [];
  const isRefused = (answer: string): boolean => answer !== '200';
  while (during.filter(isRefused).length < requestCount) during.push(...(await askOften(bed, requestCount)));
  const { log } = bed.crossover;
  const isLogged = (operation: string): boolean =>
    log.some(({ fields }) => fields.operation === operation && fields.resource === 'ports');
  await until(
    () => isLogged('connect') && isLogged('check'),
    'log lines on the shortage',
    () => log,
  );
  for (const taker of takers) taker.giveBack();
  writeFileSync(rangeFile, usualRange);
  const isOver = async (): Promise<boolean> => (await askOften(bed, 1))[0] === '200';
  await until(isOver, 'an answer with 200 afterwards');
  const afterwards = await askOften(bed, requestCount);
  const metrics = [...(await readMetrics(controlPort))];
  const events = await (await fetch(`http://127.0.0.1:${controlPort}/v1/events`)).text();
  await bed.stop();
  return { during, log, afterwards, metrics, events };
}

process.send?.(await run());
process.disconnect?.();
