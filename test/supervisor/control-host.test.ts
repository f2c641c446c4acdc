// When a control thread is started, without one: each start fails, as when no descriptor is left.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it, mock, type TestContext } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { ControlHost } from '#src/supervisor/control-host.ts';
import { testConfig } from '../support/crossover-config.ts';

/** More often than that within a minute, and the next start waits. */
const lossesMax = 5;
const backOffMs = 2_000;
/** A start goes on without the control thread after this time. */
const controlReadyMs = 5_000;

function rig(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const starts = { count: 0, hold: Promise.resolve() };
  const host = new ControlHost({
    start: () => assert.fail('no thread is started'),
    listenDescriptors: async () => {
      starts.count++;
      await starts.hold;
      throw new Error('EMFILE');
    },
    waitsForFirst: true,
    preloaded: null,
    handedOver: null,
    onMessage: () => {},
    log: () => {},
  });
  const pass = async (ms: number): Promise<void> => {
    mock.timers.tick(ms);
    await settle();
  };
  return { host, starts, pass };
}

describe('a control host', () => {
  it('starts a thread again that could not be started, at once and then with a delay', async (t) => {
    const { host, starts, pass } = rig(t);
    host.start();
    await settle();
    for (let loss = 1; loss < lossesMax; loss++) await pass(1);
    assert.equal(starts.count, lossesMax);
    await pass(1);
    assert.equal(starts.count, lossesMax);
    await pass(backOffMs);
    assert.equal(starts.count, lossesMax + 1);
  });

  it('starts one thread when it is resumed while a restart is due', async (t) => {
    const { host, starts, pass } = rig(t);
    host.start();
    await settle();
    for (let loss = 1; loss < lossesMax; loss++) await pass(1);
    await host.stop();
    await host.resume();
    assert.equal(starts.count, lossesMax + 1);
    await pass(backOffMs);
    assert.equal(starts.count, lossesMax + 2, 'the restart of the resumed thread, and none from before');
  });

  it('is stopped only when a start that is under way has come to its end', async (t) => {
    const { host, starts, pass } = rig(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    starts.hold = promise;
    host.start();
    let isStopped = false;
    const stopped = host.stop().then(() => {
      isStopped = true;
    });
    await settle();
    assert.equal(isStopped, false);
    resolve();
    await stopped;
    await pass(backOffMs);
    assert.equal(starts.count, 1);
  });

  for (const [when, waitMs, told] of [
    ['late', controlReadyMs, ['http://127.0.0.1:4711']],
    ['in time', controlReadyMs - 1, []],
  ] as const) {
    it(`says where the API listens when that comes ${when}, or nothing`, async (t) => {
      mock.timers.enable({ apis: ['setTimeout'] });
      t.after(() => mock.timers.reset());
      const thread = Object.assign(new EventEmitter(), { ref: () => {}, postMessage: () => {} });
      const log: LogLine[] = [];
      const host = new ControlHost({
        start: () => ({
          config: testConfig({ x: [1], y: [2] }),
          configRevision: 1,
          nodes: { x: [], y: [] },
          memory: createSharedMemory(1),
          routes: { kind: 'derived', routes: [] },
          configPath: '(test)',
          proxyPort: 0,
          runtimeFolder: null,
        }),
        listenDescriptors: async () => [],
        waitsForFirst: false,
        handedOver: null,
        preloaded: thread as unknown as Worker,
        onMessage: () => {},
        log: (line) => log.push(line),
      });
      const { ready } = host.start();
      await settle();
      mock.timers.tick(waitMs);
      thread.emit('message', {
        type: 'ready',
        controlPorts: [4711],
        controlAddresses: ['http://127.0.0.1:4711'],
      });
      await ready;
      assert.deepEqual(host.ports, [4711]);
      assert.deepEqual(
        log.flatMap(({ fields }) => fields.addresses),
        told,
      );
    });
  }
});
