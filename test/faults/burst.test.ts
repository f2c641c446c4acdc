// Hundreds of requests that are all there at once, because the proxy was stopped while they came: most of
// them wait for a later turn of its event loop, and each must be served as if it had come alone.
import assert from 'node:assert/strict';
import process, { platform } from 'node:process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { crowdConnectionsMin, requestsPerTurnMax } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { type Bed, startBed } from '../support/bed.ts';
import { Signal } from '../support/signal.ts';
import { WireClient } from '../support/wire-client.ts';

const clientCount = crowdConnectionsMin + 4 * requestsPerTurnMax;

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;

describe('a burst', { skip: platform === 'win32', concurrency: false }, () => {
  const signal = new Signal();
  let bed: Bed;
  let clients: WireClient[] = [];

  beforeEach(async () => {
    bed = await startBed({ workers: 1 });
    clients = await connectAll();
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    bed?.crossover.signal('SIGCONT');
    await bed?.stop();
  });

  /** Clients that were served once each, so that their connections are accepted and idle. */
  async function connectAll(): Promise<WireClient[]> {
    const all = Array.from(
      { length: clientCount },
      () => new WireClient(bed.crossover.port, [], signal.notify),
    );
    for (const { socket } of all) socket.write(get('/-first'));
    await untilAnswered(all, 1);
    return all;
  }

  async function untilAnswered(some: readonly WireClient[], count: number): Promise<void> {
    const isShort = (client: WireClient): boolean => client.finals().length < count;
    await signal.until(
      () => !some.some(isShort),
      `${count} answers for each of ${some.length} clients`,
      () => `${some.filter(isShort).length} have fewer`,
    );
  }

  /** Has the proxy find everything that `send` sends in one turn of its loop. */
  async function atOnce(send: () => void): Promise<void> {
    process.kill(bed.crossover.pid, 'SIGSTOP');
    send();
    await new Promise((resolve) => setImmediate(resolve)); // the writes have left
    process.kill(bed.crossover.pid, 'SIGCONT');
  }

  const every = (nth: number): WireClient[] => clients.filter((_, index) => index % 6 === nth);

  it('is served whole: pipelined, half-closed, in pieces, invalid, and without those who left', async () => {
    const [plain, pipelined, halfClosed, pieces, invalid, gone] = [0, 1, 2, 3, 4, 5].map(every) as [
      WireClient[],
      WireClient[],
      WireClient[],
      WireClient[],
      WireClient[],
      WireClient[],
    ];
    await atOnce(() => {
      for (const { socket } of plain) socket.write(get('/-plain'));
      for (const { socket } of pipelined) socket.write(get('/t/one') + get('/t/two'));
      for (const { socket } of halfClosed) socket.end(get('/-last'));
      for (const { socket } of pieces) socket.write('GET /t/pieces HTTP/1.1\r\nHo');
      for (const { socket } of invalid) socket.write('GET /-invalid HTTP/1.1\nHost: h\r\n\r\n');
      for (const { socket } of gone) {
        socket.write(get('/-gone'));
        socket.resetAndDestroy();
      }
    });
    for (const { socket } of pieces) socket.write('st: h\r\n\r\n');
    await untilAnswered([...plain, ...halfClosed, ...pieces, ...invalid], 2);
    await untilAnswered(pipelined, 3);
    const bodies = (client: WireClient): string[] =>
      client.finals().map(({ body }) => Buffer.concat(body).toString('latin1'));
    for (const client of plain) assert.equal(client.finals()[1]?.status, 200);
    for (const client of pipelined) assert.match(bodies(client).slice(1).join(' '), / one .* two /s);
    for (const client of pieces) assert.match(bodies(client)[1] ?? '', / pieces /);
    for (const client of invalid) assert.equal(client.finals()[1]?.status, 400);
    await signal.until(() => halfClosed.every(({ ended }) => ended), 'half-closed connections to end');
    assert.equal((await bed.crossover.slabs())[0]?.[WORKER.queued], 0);
    assert.equal(bed.crossover.problem(), null);
  });

  it('is answered whole by a proxy that drains', async () => {
    let drained: Promise<unknown> = Promise.resolve();
    await atOnce(() => {
      for (const { socket } of clients) socket.write(get('/-drained'));
      drained = bed.crossover.order({ type: 'drain' });
    });
    await untilAnswered(clients, 2);
    assert.deepEqual([...new Set(clients.map((client) => client.finals()[1]?.status))], [200]);
    assert.deepEqual(await drained, { cutExchanges: 0 });
  });
});
