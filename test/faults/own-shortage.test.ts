// A process without descriptors and a host without ports, for real: nobody else is charged with it, it is
// told, and it passes.
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { getuid, platform } from 'node:process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { proxyErrorIndex } from '#src/base/error-catalog.ts';
import {
  ANSWER,
  ATTEMPT,
  answerOffset,
  attemptOffset,
  epochSlots,
  NODE,
  nodeOffset,
  rejectedOffset,
  shortageOffset,
  WORKER,
  X,
  Y,
} from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { type Bed, startBed } from '../support/bed.ts';
import { sumMetric, untilControlAnswers } from '../support/control.ts';
import { LoadClient } from '../support/load-client.ts';
import type { PortShortageReport } from '../support/port-shortage-child.ts';
import { hasProc } from '../support/proc.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { fetchOnce, WireClient } from '../support/wire-client.ts';

/** Only what fails takes so long. */
const patienceMs = 300_000;

/** Lines on a shortage, as operation and resource. */
const shortagesIn = (log: readonly LogLine[]): string[] =>
  log
    .filter(({ message }) => message.includes('short'))
    .map(({ fields }) => `${fields.operation} ${fields.resource}`);

/** More than the process may have descriptors. */
const crowdSize = 140;
const descriptorsMax = 128;

/** Takes whatever descriptor comes free, as a crowd of clients does. */
class Crowd {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  come(): void {
    this.#timer = setInterval(() => {
      while (this.#sockets.size < crowdSize) {
        const socket = connect(this.#port, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('end', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
        this.#sockets.add(socket);
      }
    }, 50);
  }

  leave(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('a process that has no file descriptor left', { concurrency: false, skip: !hasProc }, () => {
  let bed: Bed;
  let crowd: Crowd;
  before(async () => {
    // A node that closes each connection makes each request need a descriptor.
    bed = await startBed({
      fileDescriptorsMax: descriptorsMax,
      weightPpm: 500_000,
      health: { intervalMs: 100, timeoutMs: 5_000 },
    });
    for (const upstream of [bed.x, bed.y])
      upstream.misbehave = (_request, response) => {
        response.setHeader('connection', 'close');
        return false;
      };
    crowd = new Crowd(bed.crossover.port);
    // Its thread has read all of its modules by then: it could not without descriptors.
    await untilControlAnswers(bed.crossover);
  });
  after(async () => {
    crowd?.leave();
    await bed?.stop();
  });

  const sumOf = (slab: Float64Array, from: number, count = 1): number =>
    slab.subarray(from, from + count).reduce((sum, value) => sum + value, 0);

  /** What a worker's counters charge clusters and nodes with. */
  function charges(slab: Float64Array): Record<string, number> {
    const arms = [X, Y].map((arm) => {
      let attempts = 0;
      for (let slot = 0; slot < epochSlots; slot++) {
        const at = attemptOffset(arm, slot);
        attempts += sumOf(slab, at + ATTEMPT.failures, 8) + sumOf(slab, at + ATTEMPT.clientAborts);
      }
      const node = nodeOffset(arm, 0);
      return {
        attempts,
        nodes: sumOf(slab, node + NODE.failures) + sumOf(slab, node + NODE.ejections),
        answers: sumOf(slab, answerOffset(arm) + ANSWER.status + 500, 100),
      };
    });
    const total = (field: 'attempts' | 'nodes' | 'answers'): number =>
      arms.reduce((sum, arm) => sum + arm[field], 0);
    return {
      attempts: total('attempts'),
      nodes: total('nodes'),
      answers: total('answers'),
      breaker: sumOf(slab, WORKER.breakerOpens),
    };
  }

  const nobody = { attempts: 0, nodes: 0, answers: 0, breaker: 0 };
  const slabOf = async (): Promise<Float64Array> => (await bed.crossover.slabs())[0] as Float64Array;

  it('charges no node and no cluster, tells of it, and serves as before when it has some again', async () => {
    const signal = new Signal();
    const kept = Array.from({ length: 4 }, () => new WireClient(bed.crossover.port, [], signal.notify));
    const askAll = async (): Promise<void> => {
      const counts = kept.map((client) => client.finals().length);
      for (const { socket } of kept) socket.write('GET /t/token HTTP/1.1\r\nHost: h\r\n\r\n');
      const all = (): boolean => kept.every((client, index) => client.finals().length > (counts[index] ?? 0));
      await signal.until(all, 'an answer to each request');
    };
    await askAll();
    crowd.come();
    const refused = rejectedOffset(proxyErrorIndex.resourcesExhausted);
    const isShort = async (): Promise<boolean> => {
      await askAll();
      const slab = await slabOf();
      const told = new Set(shortagesIn(bed.crossover.log));
      return (
        (slab[refused] as number) > 0 &&
        ['accept descriptors', 'connect descriptors', 'check descriptors'].every((line) => told.has(line))
      );
    };
    await until(isShort, 'a shortage that clients, requests and checks met');
    const slab = await slabOf();
    assert.ok((slab[shortageOffset('accept', 'descriptors')] as number) > 0);
    assert.deepEqual(charges(slab), nobody);
    const statuses = new Set(kept.flatMap((client) => client.finals().map(({ status }) => status)));
    assert.deepEqual([...statuses].sort(), [200, 503]);
    crowd.leave();
    for (const { socket } of kept) socket.destroy();
    await assertServedAgain();
  });

  async function assertServedAgain(): Promise<void> {
    const isServed = async (): Promise<boolean> =>
      (await fetchOnce(bed.crossover.port, '/-ok', patienceMs))?.status === 200;
    await until(isServed, 'an answer to a new client');
    const load = new LoadClient({ port: bed.crossover.port, connections: 4, seed: 3 }).start();
    await load.untilAnswered(200);
    const report = await load.stop();
    assert.deepEqual(report.failures, []);
    assert.ok(report.byCluster.x > 0 && report.byCluster.y > 0);
    // A client abort is charged to its cluster: those of the load are, once it stops.
    const { attempts: _aborts, ...others } = charges(await slabOf());
    assert.deepEqual(others, { nodes: 0, answers: 0, breaker: 0 });
    const controlPort = await untilControlAnswers(bed.crossover);
    const events = await (await fetch(`http://127.0.0.1:${controlPort}/v1/events`)).text();
    assert.doesNotMatch(events, /node-unhealthy|breaker-opened/);
  }
});

const canUnshare =
  platform === 'linux' &&
  getuid?.() === 0 &&
  spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

describe('a host that has no local port left', { skip: !canUnshare, concurrency: false }, () => {
  let report: PortShortageReport;
  before(async () => {
    const child = fork(fileURLToPath(new URL('../support/port-shortage-child.ts', import.meta.url)), {
      execPath: 'unshare',
      execArgv: ['-n', process.execPath, '--disable-warning=ExperimentalWarning'],
    });
    report = await new Promise<PortShortageReport>((resolve, reject) => {
      child.once('message', (message) => resolve(message as PortShortageReport));
      child.once('exit', (code) => reject(new Error(`the namespace's process ended with ${code}`)));
    });
  });

  const sum = (name: string, ...labels: string[]): number =>
    sumMetric(new Map(report.metrics), name, ...labels);

  const exhausted = '503 resources_exhausted';
  const refusedCount = (): number => report.during.filter((answer) => answer === exhausted).length;

  it('answers 503 with its own code where no connection is left anywhere', () => {
    // A check that ends leaves a port to whoever asks first.
    assert.deepEqual(new Set(report.during.filter((answer) => answer !== '200')), new Set([exhausted]));
    assert.equal(sum('crossover_rejected_requests_total', 'resources_exhausted'), refusedCount());
  });

  it('charges no node, no cluster, no breaker and no check', () => {
    assert.equal(sum('crossover_failures_total'), 0);
    assert.equal(sum('crossover_upstream_failures_total'), 0);
    assert.equal(sum('crossover_node_failures_total'), 0);
    assert.equal(sum('crossover_node_ejected'), 0);
    assert.equal(sum('crossover_node_healthy'), 2);
    assert.equal(sum('crossover_breaker_opens_total'), 0);
    assert.equal(sum('crossover_requests_total', 'code="503"'), 0);
    assert.doesNotMatch(report.events, /node-unhealthy|breaker-opened/);
  });

  it('counts it by operation, and the requests by the cluster they were for', () => {
    assert.ok(sum('crossover_own_shortage_total', 'connect', 'ports') >= refusedCount());
    assert.ok(sum('crossover_own_shortage_total', 'check', 'ports') > 0);
    assert.ok(sum('crossover_own_shortage_requests_total') >= refusedCount());
  });

  it('says so in the log, for each operation', () => {
    assert.deepEqual(new Set(shortagesIn(report.log)), new Set(['connect ports', 'check ports']));
  });

  it('serves as before when there are ports again', () => {
    assert.deepEqual(new Set(report.afterwards), new Set(['200']));
  });
});
