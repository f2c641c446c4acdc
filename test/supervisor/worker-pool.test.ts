// What becomes of workers that are lost, that cannot listen, and that end in a drain: real threads and
// sockets, and a test that decides what they find.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine, ToControl } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { assignNodes } from '#src/supervisor/node-assignments.ts';
import { preloadWorker, WorkerPool } from '#src/supervisor/worker-pool.ts';
import { testConfig } from '../support/crossover-config.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { Signal } from '../support/signal.ts';
import { hangMs } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

describe('a pool of workers', { concurrency: false }, () => {
  const signal = new Signal();
  const x = new ScriptedUpstream('x', signal.notify);
  before(() => x.listen());
  after(() => x.stop());

  class Rig {
    readonly memory: SharedMemory;
    readonly pool: WorkerPool;
    readonly log: LogLine[] = [];
    readonly told: ToControl[] = [];
    /** Threads that were started so far. */
    startCount = 0;
    /** Called before the thread of that number is started. */
    onStart: (startCount: number) => void = () => {};
    /** Called before a worker is told to listen. */
    beforeListening: () => Promise<void> = async () => {};

    constructor(t: TestContext, workers: number, host = '127.0.0.1', preloaded: Worker | null = null) {
      const documented = testConfig({ workers, x: [x.port], y: [x.port] });
      const listen = { ...documented.listen, proxy: { host, port: 0 } };
      const config = { ...documented, listen };
      const nodes = assignNodes({ x: [], y: [] }, config);
      const memory = createSharedMemory(workers);
      this.memory = memory;
      this.pool = new WorkerPool({
        memory,
        transport: 'raw',
        preloaded,
        start: () => {
          this.onStart(++this.startCount);
          return { config, configRevision: 1, nodes, memory, routes: { kind: 'derived', routes: [] } };
        },
        listenDescriptors: async () => {
          await this.beforeListening();
          return [];
        },
        tellControl: (message) => this.told.push(message),
        log: (line) => {
          this.log.push(line);
          signal.notify();
        },
      });
      t.after(() => this.pool.stop());
    }

    start(): Promise<void> {
      return this.pool.start(0, Promise.resolve());
    }

    async logged(message: string, count = 1): Promise<LogLine> {
      const find = () => this.log.filter((line) => line.message === message);
      await signal.until(
        () => find().length >= count,
        `${count} lines: ${message}`,
        () => this.log,
      );
      return find()[count - 1] as LogLine;
    }

    /** The workers' gauge, for each. */
    gauge(index: number): number[] {
      return this.memory.slabs.map((slab) => new Float64Array(slab)[index] ?? 0);
    }

    events(): string[] {
      return this.told.map((message) => (message.type === 'lifecycle' ? message.name : message.type));
    }

    async get(target: string): Promise<WireClient> {
      const client = new WireClient(this.pool.port, ['GET'], signal.notify);
      client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      return client;
    }

    async answered(): Promise<void> {
      const client = await this.get('/');
      await signal.until(() => client.closed || client.finals().length === 1, 'the answer');
      assert.equal(client.finals()[0]?.status, 200, client.error ?? '');
      client.socket.destroy();
    }
  }

  async function take(port: number): Promise<Server> {
    const server = createServer((socket) => socket.destroy());
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  it('replaces a worker again until it can listen', async (t) => {
    const rig = new Rig(t, 1);
    await rig.start();
    assert.deepEqual(rig.gauge(WORKER.listening), [1]);
    let taken: Server | null = null;
    t.after(() => taken?.close());
    rig.beforeListening = async () => {
      if (rig.startCount === 2) taken = await take(rig.pool.port);
      if (rig.startCount === 4) await new Promise((resolve) => taken?.close(resolve));
    };
    await rig.pool.terminate(0);
    assert.match(
      String((await rig.logged('proxy worker could not be replaced', 2)).fields.error),
      /EADDRINUSE/,
    );
    assert.deepEqual(rig.gauge(WORKER.listening), [0]);
    await rig.logged('proxy worker replaced');
    assert.deepEqual(rig.gauge(WORKER.listening), [1]);
    await rig.answered();
    assert.equal(rig.startCount, 4);
    assert.deepEqual(rig.events(), ['worker-lost', 'worker-replaced'], 'one loss, however long it takes');
  });

  it('has a thread that was started ahead as the first worker, and replaces it as any other', async (t) => {
    const preloaded = preloadWorker();
    const ended = once(preloaded, 'exit');
    const rig = new Rig(t, 2, '127.0.0.1', preloaded);
    await rig.start();
    assert.deepEqual(rig.gauge(WORKER.listening), [1, 1]);
    await rig.answered();
    await rig.pool.terminate(0);
    await ended;
    await rig.logged('proxy worker replaced');
    await rig.answered();
    assert.equal(rig.startCount, 3);
  });

  it('replaces a worker again when there is no socket for it', async (t) => {
    const rig = new Rig(t, 1);
    await rig.start();
    rig.beforeListening = async () => {
      if (rig.startCount === 2) throw new Error('EMFILE');
    };
    await rig.pool.terminate(0);
    assert.equal((await rig.logged('proxy worker could not be replaced')).fields.error, 'EMFILE');
    await rig.logged('proxy worker replaced');
    await rig.answered();
  });

  it('does not start with a worker that cannot listen, and says why', async (t) => {
    const taken = await take(0);
    t.after(() => taken.close());
    const address = taken.address();
    assert.ok(address !== null && typeof address === 'object');
    const rig = new Rig(t, 1);
    await assert.rejects(rig.pool.start(address.port, Promise.resolve()), { code: 'EADDRINUSE' });
    await rig.pool.stop();
    assert.equal(rig.startCount, 1);
    assert.deepEqual(rig.log, []);
  });

  it('drains without a worker that was lost just before', async (t) => {
    const rig = new Rig(t, 2);
    await rig.start();
    await rig.pool.terminate(0);
    assert.equal(await rig.pool.drain(hangMs), 0);
    assert.equal(rig.startCount, 2);
  });

  it('drains without a worker that is about to replace another', async (t) => {
    const rig = new Rig(t, 2);
    await rig.start();
    const cut = Promise.withResolvers<number>();
    let listenCount = 0;
    rig.beforeListening = async () => {
      listenCount++;
    };
    rig.onStart = () => queueMicrotask(() => rig.pool.drain(hangMs).then(cut.resolve, cut.reject));
    await rig.pool.terminate(0);
    assert.equal(await cut.promise, 0);
    assert.equal(rig.startCount, 3);
    assert.equal(listenCount, 0, 'it was not told to listen');
    assert.deepEqual(rig.gauge(WORKER.listening), [0, 0]);
  });

  it('closes the socket of a worker that was told to listen just before the drain', async (t) => {
    const rig = new Rig(t, 2, 'localhost'); // a name takes a moment to look up
    await rig.start();
    const cut = Promise.withResolvers<number>();
    rig.beforeListening = async () => {
      setImmediate(() => rig.pool.drain(hangMs).then(cut.resolve, cut.reject));
    };
    await rig.pool.terminate(0);
    assert.equal(await cut.promise, 0);
    assert.deepEqual(rig.gauge(WORKER.listening), [0, 0]);
    const late = connect(rig.pool.port, 'localhost');
    const [error] = await once(late, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });

  it('counts as cut what a worker had that is lost in the drain', async (t) => {
    const rig = new Rig(t, 1);
    await rig.start();
    await x.forget();
    x.automatic = false;
    t.after(() => x.forget());
    for (const target of ['/a', '/b']) await rig.get(target);
    await signal.until(() => x.requests.length === 2, 'both requests');
    const cut = rig.pool.drain(hangMs);
    await rig.pool.terminate(0);
    assert.equal(await cut, 2);
    assert.deepEqual((await rig.logged('proxy worker lost while it drained')).fields, {
      worker: 0,
      requests: 2,
    });
  });

  it('counts something as cut when a worker that had nothing is lost in the drain', async (t) => {
    const rig = new Rig(t, 1);
    await rig.start();
    const cut = rig.pool.drain(hangMs);
    await rig.pool.terminate(0);
    assert.equal(await cut, 1);
  });
});
