// Clients that are slow on purpose: with their heads, with their bodies, with reading. They must be cut off
// in time, cost little, leave nothing behind, and not be felt by anybody else. By hand:
//   node test/soak/slow-clients.ts [--clients N] [--seed N] [--write]
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { startBed } from '../support/bed.ts';
import type { Crossover } from '../support/crossover.ts';
import { documentedTimeouts } from '../support/crossover-config.ts';
import { writeLargeBody } from '../support/large-body.ts';
import { LoadClient, latencyMs } from '../support/load-client.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import { poll, untilStill } from '../support/stillness.ts';
import type { Misbehaviour } from '../support/token-upstream.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, type Figure } from './report.ts';

const MiB = 1024 * 1024;
const victimConnections = 4;
const victimsPerSecond = 200;
/**
 * As slow as attack tools connect, and slow enough for the client's own event loop to stay out of the
 * figures.
 */
const attackersPerSecond = 500;
const dripEveryMs = 1_000;
const largeBodyBytes = 8 * MiB;
const cutWithinMs = 1_000;
const { requestHeadMs, requestBodyMs, clientIdleMs } = documentedTimeouts;

interface Attack {
  readonly name: string;
  /** What a client sends at once. */
  readonly opening: string;
  /** What it goes on to send every second; null when it falls silent. */
  readonly drip: string | null;
  readonly reads: boolean;
  /** The proxy's bound on it, ms. */
  readonly timeoutMs: number;
}

const attacks: readonly Attack[] = [
  {
    name: 'slow head',
    opening: 'GET /slow HTTP/1.1\r\nHost: h\r\n',
    drip: 'X-A: b\r\n',
    reads: true,
    timeoutMs: requestHeadMs,
  },
  {
    name: 'slow body',
    opening: `POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100)}`,
    drip: null,
    reads: true,
    timeoutMs: requestBodyMs,
  },
  {
    name: 'no reading',
    opening: 'GET /t/large HTTP/1.1\r\nHost: h\r\n\r\n',
    drip: null,
    reads: false,
    timeoutMs: clientIdleMs,
  },
];

function openAttacker(attack: Attack, port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  if (attack.reads) socket.resume();
  else socket.pause();
  socket.write(attack.opening);
  return socket;
}

/** Every socket once per interval, spread over it, so that drips do not come in bursts. */
function startDripping(sockets: readonly Socket[], text: string): NodeJS.Timeout {
  const slices = 100;
  let turn = 0;
  return setInterval(() => {
    for (let at = turn++ % slices; at < sockets.length; at += slices)
      if (sockets[at]?.writable === true) sockets[at]?.write(text);
  }, dripEveryMs / slices);
}

async function open(attack: Attack, count: number, port: number, sockets: Socket[]): Promise<void> {
  const batch = 5;
  while (sockets.length < count) {
    for (let index = 0; index < batch && sockets.length < count; index++)
      sockets.push(openAttacker(attack, port));
    await wait((batch * 1000) / attackersPerSecond);
  }
}

async function suffer(attack: Attack, crossover: Crossover, { seed, option, say }: Run): Promise<Figure[]> {
  const { pid, port } = crossover;
  const clients = option('clients');
  const victims = new LoadClient({
    port,
    connections: victimConnections,
    seed,
    requestsPerSecond: victimsPerSecond,
  }).start();
  await victims.untilAnswered(victimsPerSecond);
  const fdsBefore = fileDescriptorCount(pid);
  const rssBefore = rssBytes(pid);
  let rssMost = rssBefore;
  const sockets: Socket[] = [];
  const drip = attack.drip === null ? null : startDripping(sockets, attack.drip);
  await open(attack, clients, port, sockets);
  // Who does not read gets what fits into the kernel's buffers first: the clock starts with the last byte
  // that moves.
  if (!attack.reads) await untilStill(() => blocksTaken);
  const lastOpenedMs = performance.now();
  say(`${attack.name}: ${clients} clients, ${fileDescriptorCount(pid) - fdsBefore} descriptors`);
  const isOver = (): boolean => {
    rssMost = Math.max(rssMost, rssBytes(pid));
    return fileDescriptorCount(pid) <= fdsBefore;
  };
  await poll(isOver, attack.timeoutMs + 30_000);
  const cutAfterMs = performance.now() - lastOpenedMs;
  if (drip !== null) clearInterval(drip);
  const report = await victims.stop();
  for (const socket of sockets) socket.destroy();
  say(`${attack.name}: over after ${Math.round(cutAfterMs / 1000)} s`);
  return [
    atMost(
      `${attack.name}: last client cut off, s`,
      cutAfterMs / 1000,
      (attack.timeoutMs + cutWithinMs) / 1000,
    ),
    atMost(`${attack.name}: p99 of others, ms`, latencyMs(report, 99), 50),
    atMost(`${attack.name}: others failed or lost`, report.failures.length + report.lost, 0),
    atMost(`${attack.name}: memory growth, MiB`, (rssMost - rssBefore) / MiB, 64),
    atMost(`${attack.name}: descriptors more than before`, fileDescriptorCount(pid) - fdsBefore, 0),
  ];
}

/** How often the proxy took a block of a large body from the node. */
let blocksTaken = 0;

const serveLarge: Misbehaviour = (request, response) => {
  if (request.url !== '/t/large') return false;
  response.setHeader('Content-Length', largeBodyBytes);
  response.on('error', () => {});
  response.on('drain', () => blocksTaken++);
  writeLargeBody(response, largeBodyBytes, () => response.end());
  return true;
};

async function measure(run: Run): Promise<Measured> {
  const bed = await startBed({ workers: 2, timeouts: documentedTimeouts });
  bed.x.misbehave = serveLarge;
  const figures: Figure[] = [];
  for (const attack of attacks) figures.push(...(await suffer(attack, bed.crossover, run)));
  await bed.stop();
  const notes = [
    `${run.option('clients')} clients each, ${attackersPerSecond} new ones a second, against the default timeouts; ${victimsPerSecond} requests/s from others meanwhile.`,
    'A body that keeps trickling is not cut off, as with other proxies: `limits.connections` bounds those.',
  ];
  return { figures, notes };
}

await runLongForm({
  title: 'Slow clients',
  file: 'test/soak/slow-clients.ts',
  options: { clients: 1_000 },
  measure,
});
