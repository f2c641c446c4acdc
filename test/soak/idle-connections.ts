// Memory of idle keep-alive connections: each has had one answer, and asks again at the end. By hand:
//   node test/soak/idle-connections.ts [--connections N] [--seed N] [--write] Two descriptors per connection
//     are needed, one here and one in the proxy: `ulimit -n` of 11,000 for the default.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { startBed } from '../support/bed.ts';
import { documentedTimeouts } from '../support/crossover-config.ts';
import { rssBytes } from '../support/proc.ts';
import { poll, untilStill } from '../support/stillness.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, forInformation } from './report.ts';
import { descriptorsBesidePool } from './soak-stage.ts';

const MiB = 1024 * 1024;
/** With the first ones the proxy compiles its code and grows its pools: they do not count per connection. */
const firstConnections = 1_000;
const groupSize = 50;
const settleMs = 3_000;
const request = 'GET /-idle HTTP/1.1\r\nHost: idle.example\r\n\r\n';

/** Asks on the connection; true when the whole of a 200 comes back in one piece, as the proxy sends it. */
async function ask(socket: Socket): Promise<boolean> {
  socket.write(request);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  const text = bytes.toString('latin1');
  return text.startsWith('HTTP/1.1 200 ') && text.endsWith('\r\n\r\nok');
}

async function openUpTo(count: number, port: number, sockets: Socket[]): Promise<number> {
  let unanswered = 0;
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(groupSize, count - sockets.length) }, () =>
      connect({ port, host: '127.0.0.1' }).on('error', () => {}),
    );
    sockets.push(...group);
    unanswered += await countUnanswered(group);
  }
  return unanswered;
}

async function countUnanswered(sockets: readonly Socket[]): Promise<number> {
  const answers = await Promise.all(sockets.map((socket) => ask(socket).catch(() => false)));
  return answers.filter((answered) => !answered).length;
}

async function settledRss(pid: number): Promise<number> {
  await wait(settleMs); // what a garbage collector in the background still gives back
  await untilStill(() => Math.round(rssBytes(pid) / MiB));
  return rssBytes(pid);
}

async function measure({ option, say }: Run): Promise<Measured> {
  const connections = option('connections');
  const bed = await startBed({
    workers: 2,
    limits: { connections: connections + 100 },
    timeouts: { ...documentedTimeouts, clientIdleMs: 3_600_000 },
  });
  const { pid, port } = bed.crossover;
  const sockets: Socket[] = [];
  let unanswered = await openUpTo(firstConnections, port, sockets);
  const rssFirst = await settledRss(pid);
  const fdsFirst = await descriptorsBesidePool(bed);
  say(`${sockets.length} connections, ${Math.round(rssFirst / MiB)} MiB`);
  unanswered += await openUpTo(connections, port, sockets);
  const rssAll = await settledRss(pid);
  say(`${sockets.length} connections, ${Math.round(rssAll / MiB)} MiB`);
  for (let at = 0; at < sockets.length; at += groupSize)
    unanswered += await countUnanswered(sockets.slice(at, at + groupSize));
  say('all asked again');
  for (const socket of sockets) socket.destroy();
  const fdsAtRest = fdsFirst - firstConnections;
  await poll(async () => (await descriptorsBesidePool(bed)) <= fdsAtRest, 10_000);
  const fdsAfter = await descriptorsBesidePool(bed);
  await bed.stop();
  const figures = [
    forInformation('connections', connections),
    atMost('bytes per connection', (rssAll - rssFirst) / (connections - firstConnections), 4_096),
    atMost('memory of the whole process, MiB', rssAll / MiB, 250),
    atMost('requests without their answer', unanswered, 0),
    atMost('descriptors more than before', fdsAfter - fdsAtRest, 5),
  ];
  return {
    figures,
    notes: [`Two workers. Bytes per connection are what those after the first ${firstConnections} added.`],
  };
}

await runLongForm({
  title: 'Idle connections',
  file: 'test/soak/idle-connections.ts',
  options: { connections: 10_000 },
  measure,
});
