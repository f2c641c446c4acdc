// More connections than the proxy can or will serve: it must keep serving those it has, and recover.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { WORKER } from '#src/shared-memory/layout.ts';
import { type Bed, startBed } from '../support/bed.ts';
import { LoadClient } from '../support/load-client.ts';
import { fileDescriptorCount, hasProc, threadCpuMs } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import type { Misbehaviour } from '../support/token-upstream.ts';
import { until } from '../support/until.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';

const fetchStatus = async (bed: Bed): Promise<number> =>
  (await fetchOnce(bed.crossover.port, '/-ok'))?.status ?? 0;

const untilServed = (bed: Bed): Promise<void> =>
  until(async () => (await fetchStatus(bed)) === 200, 'newcomers to be served again');

function flood(port: number, count: number, greeting: string): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(greeting);
    return socket;
  });
}

describe('slowloris', { concurrency: false }, () => {
  const attackers = 200;
  let bed: Bed;
  before(async () => {
    bed = await startBed({ timeouts: { requestHeadMs: 1_000 } });
    await fetchStatus(bed);
  });
  after(() => bed?.stop());

  it('is cut off although bytes keep coming, while others are served', async () => {
    const fdsBefore = fileDescriptorCount(bed.crossover.pid);
    const signal = new Signal();
    // Connected before the others come: a slow machine must not make slow clients of them too.
    const victims = new LoadClient({ port: bed.crossover.port, connections: 4, seed: 1 }).start();
    await victims.untilEachAnswered(1);
    const clients = Array.from({ length: attackers }, () => {
      const client = new WireClient(bed.crossover.port, [], signal.notify);
      client.socket.write('GET /slow HTTP/1.1\r\nHost: h\r\n');
      return client;
    });
    const drip = setInterval(() => {
      for (const { socket, ended } of clients) if (!ended && socket.writable) socket.write('X-A: b\r\n');
    }, 200);
    await signal.until(
      () => clients.every(({ ended }) => ended),
      'attackers to be cut off',
      () => `${clients.filter(({ ended }) => !ended).length} are still connected`,
    );
    clearInterval(drip);
    const report = await victims.stop();
    assert.deepEqual(report.failures, []);
    assert.equal(report.lost, 0);
    const statuses = new Set(clients.map((client) => client.finals()[0]?.status));
    assert.deepEqual([...statuses], [408]);
    for (const { socket } of clients) socket.destroy();
    const descriptors = () => fileDescriptorCount(bed.crossover.pid);
    await until(
      () => descriptors() <= fdsBefore + 10,
      `no more than ${fdsBefore + 10} descriptors`,
      descriptors,
    );
  });
});

describe('more connections than the limit', { concurrency: false }, () => {
  const limit = 50;
  let bed: Bed;
  before(async () => {
    bed = await startBed({ limits: { connections: limit } });
  });
  after(() => bed?.stop());

  it('are refused, while those within it are served, and accepted again when there is room', async () => {
    const signal = new Signal();
    // Who waits for an answer does not give way, as an idle client would.
    const waiting: (() => void)[] = [];
    const misbehave: Misbehaviour = ({ url }, response) => {
      if (url !== '/t/crowd') return false;
      waiting.push(() => response.end('ok'));
      signal.notify();
      return true;
    };
    for (const upstream of [bed.x, bed.y]) upstream.misbehave = misbehave;
    const kept = new WireClient(bed.crossover.port, [], signal.notify);
    kept.socket.write('GET /t/crowd HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => waiting.length === 1, 'the first request to wait');
    const crowd = Array.from({ length: 4 * limit }, () => {
      const client = new WireClient(bed.crossover.port, [], signal.notify);
      client.socket.write('GET /t/crowd HTTP/1.1\r\nHost: h\r\n\r\n');
      return client;
    });
    const refusals = (): number => crowd.filter((client) => client.ended).length;
    await signal.until(() => refusals() + waiting.length > crowd.length, 'everybody to wait or be refused');
    for (const answer of waiting) answer();
    await signal.until(() => kept.finals().length === 1, 'the first answer');
    await signal.until(
      () => crowd.every((client) => client.ended || client.finals().length > 0),
      'an answer or a refusal for everybody',
    );
    const served = crowd.filter((client) => client.finals()[0]?.status === 200).length;
    // A refusal is a 503, or a reset; its client may not have seen the end of the connection yet.
    const refused = crowd.filter((client) => {
      const status = client.finals()[0]?.status;
      return status === undefined ? client.ended : status === 503;
    }).length;
    assert.equal(served + refused, crowd.length, 'somebody got neither an answer nor a refusal');
    assert.ok(served < limit, `${served} served beside the first, with a limit of ${limit}`);
    assert.ok(refused > 0);
    kept.socket.write('GET /-again HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => kept.finals().length === 2, 'the kept connection to be served');
    for (const { socket } of [kept, ...crowd]) socket.destroy();
    await untilServed(bed);
  });
});

const beatsWatched = 10;
/** A tenth of the time between two beats. */
const cpuPerBeatMsMax = 10;

describe('no file descriptors left', { concurrency: false, skip: !hasProc }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ fileDescriptorsMax: 128 });
  });
  after(() => bed?.stop());

  it('does not stop what is connected, burns no CPU, and passes', async () => {
    const signal = new Signal();
    const kept = new WireClient(bed.crossover.port, [], signal.notify);
    kept.socket.write('GET /-first HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => kept.finals().length === 1, 'the first answer');
    const sockets = flood(bed.crossover.port, 400, 'GET /-flood HTTP/1.1\r\n');
    const descriptors = () => fileDescriptorCount(bed.crossover.pid);
    await until(() => descriptors() >= 120, 'descriptors to run out', descriptors);
    kept.socket.write('GET /-again HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => kept.finals().length === 2, 'the kept connection to be served');
    const beats = async () => (await bed.crossover.workerCounter(WORKER.heartbeat))[0] ?? 0;
    const cpuMs = () => threadCpuMs(bed.crossover.pid, 'proxy-0');
    const [beatsBefore, cpuBefore] = [await beats(), cpuMs()];
    await until(async () => (await beats()) >= beatsBefore + beatsWatched, 'the worker to beat');
    // By its beats and not by the clock: on a busy machine a loop that spins gets no more than a part of a
    // core.
    const cpuPerBeat = (cpuMs() - cpuBefore) / ((await beats()) - beatsBefore);
    console.log(`${cpuPerBeat.toFixed(2)} ms of CPU between beats`);
    assert.ok(cpuPerBeat < cpuPerBeatMsMax, `${cpuPerBeat} ms of CPU between beats`);
    assert.equal(bed.crossover.problem(), null);
    for (const socket of sockets) socket.destroy();
    await untilServed(bed);
    kept.socket.destroy();
  });
});
