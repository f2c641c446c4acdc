// More connections than the proxy can or will serve: it must keep serving those it has, and recover.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Bed, startBed } from '../support/bed.ts';
import { LoadClient } from '../support/load-client.ts';
import { cpuMs, fileDescriptorCount, hasProc } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';

const fetchStatus = async (bed: Bed): Promise<number> =>
  (await fetchOnce(bed.crossover.port, '/-ok', 5_000))?.status ?? 0;

async function untilServed(bed: Bed): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if ((await fetchStatus(bed)) === 200) return;
    await wait(100); // a poll: there is no event for a recovered listener
  }
  assert.fail('never served again');
}

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
    const clients = Array.from({ length: attackers }, () => {
      const client = new WireClient(bed.crossover.port, [], signal.notify);
      client.socket.write('GET /slow HTTP/1.1\r\nHost: h\r\n');
      return client;
    });
    const drip = setInterval(() => {
      for (const { socket, ended } of clients) if (!ended && socket.writable) socket.write('X-A: b\r\n');
    }, 200);
    const victims = new LoadClient({ port: bed.crossover.port, connections: 4, seed: 1 }).start();
    const allCut = await signal.until(() => clients.every(({ ended }) => ended), 10_000);
    clearInterval(drip);
    const report = await victims.stop();
    assert.ok(allCut, `${clients.filter(({ ended }) => !ended).length} attackers still connected`);
    assert.deepEqual(report.failures, []);
    assert.equal(report.lost, 0);
    const statuses = new Set(clients.map((client) => client.finals()[0]?.status));
    assert.deepEqual([...statuses], [408]);
    for (const { socket } of clients) socket.destroy();
    await signal.until(() => fileDescriptorCount(bed.crossover.pid) <= fdsBefore + 10, 5_000);
    assert.ok(fileDescriptorCount(bed.crossover.pid) <= fdsBefore + 10, 'descriptors leaked');
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
    const kept = new WireClient(bed.crossover.port, [], signal.notify);
    kept.socket.write('GET /-first HTTP/1.1\r\nHost: h\r\n\r\n');
    await signal.until(() => kept.finals().length === 1, 5_000);
    const crowd = Array.from({ length: 4 * limit }, () => {
      const client = new WireClient(bed.crossover.port, [], signal.notify);
      client.socket.write('GET /-crowd HTTP/1.1\r\nHost: h\r\n\r\n');
      return client;
    });
    await signal.until(() => crowd.every((client) => client.ended || client.finals().length > 0), 10_000);
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
    assert.ok(await signal.until(() => kept.finals().length === 2, 5_000), 'the kept connection is served');
    for (const { socket } of [kept, ...crowd]) socket.destroy();
    await untilServed(bed);
  });
});

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
    await signal.until(() => kept.finals().length === 1, 5_000);
    const sockets = flood(bed.crossover.port, 400, 'GET /-flood HTTP/1.1\r\n');
    await signal.until(() => fileDescriptorCount(bed.crossover.pid) >= 120, 2_000);
    kept.socket.write('GET /-again HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.ok(await signal.until(() => kept.finals().length === 2, 5_000), 'the kept connection is served');
    const cpuBefore = cpuMs(bed.crossover.pid);
    await wait(1_000); // the window over which CPU is measured
    const cpu = cpuMs(bed.crossover.pid) - cpuBefore;
    assert.ok(cpu < 500, `${cpu} ms of CPU in a second`);
    assert.equal(bed.crossover.problem(), null);
    for (const socket of sockets) socket.destroy();
    await untilServed(bed);
    kept.socket.destroy();
  });
});
