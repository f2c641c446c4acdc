// When a control thread is started, without one: each start fails, as when no descriptor is left.
import assert from 'node:assert/strict';
import { describe, it, mock, type TestContext } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import { ControlHost } from '#src/supervisor/control-host.ts';

/** More often than that within a minute, and the next start waits. */
const lossesMax = 5;
const backOffMs = 2_000;

function rig(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const starts = { count: 0, hold: Promise.resolve() };
  const host = new ControlHost({
    start: () => assert.fail('no thread is started'),
    listenDescriptor: async () => {
      starts.count++;
      await starts.hold;
      throw new Error('EMFILE');
    },
    isPatient: true,
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
});
