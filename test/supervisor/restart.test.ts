// SIGUSR2 with real processes under a load of new connections. The long form is test/soak/restarts.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { ConnectLoad } from '../support/connect-load.ts';
import { authorization } from '../support/control.ts';
import { Restartable } from '../support/restartable.ts';
import { TokenUpstream } from '../support/token-upstream.ts';

const perSecond = 150;
/** Bounds what waits for a machine that is slower than the load. */
const openMax = 50;

describe('a process that is replaced', { concurrency: false }, () => {
  const x = new TokenUpstream({ cluster: 'x', node: 'x0' });
  const y = new TokenUpstream({ cluster: 'y', node: 'y0' });
  before(() => Promise.all([x.listen(), y.listen()]));
  after(() => Promise.all([x.stop(), y.stop()]));

  function restartable(t: TestContext): Restartable {
    const crossover = new Restartable();
    t.after(() => crossover.stop());
    return crossover;
  }

  const options = (workers: number) => ({ workers, xPort: x.port, yPort: y.port });

  it('refuses and resets nothing, loses nothing, and exits 0', async (t) => {
    const crossover = restartable(t);
    const { port, child } = await crossover.start(options(2));
    const exit = once(child, 'exit');
    const load = new ConnectLoad({ port, perSecond, openMax });
    await load.untilAnswered(perSecond);
    for (const workers of [2, 1, 3]) {
      // The number of workers is one of the settings that need a new process.
      crossover.configure(options(workers));
      assert.equal((await crossover.replace()).reason, null);
    }
    await load.untilAnswered(perSecond);
    const report = await load.stop();
    assert.deepEqual(report.problems, []);
    assert.equal(report.answered, report.connects);
    assert.equal(x.deliveries.size + y.deliveries.size, report.connects);
    assert.deepEqual([...x.duplicates, ...y.duplicates], []);
    assert.deepEqual(await exit, [0, null]);
    await crossover.terminate();
    const ends = crossover.log.filter(({ msg }) => msg.startsWith('stopped;'));
    assert.equal(ends.length, 4);
    // Each got the store from the one before.
    assert.deepEqual(
      crossover.log.filter(({ msg }) => /\bstore\b/i.test(msg)),
      [],
    );
    assert.ok(ends.every(({ msg }) => msg === 'stopped; nothing was cut'));
  });

  it('goes on, with its control API, when the new process cannot start', async (t) => {
    const crossover = restartable(t);
    const taken = createServer();
    t.after(() => taken.close());
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    assert.ok(address !== null && typeof address === 'object');
    const { port, controlPort } = await crossover.start(options(1));
    const { pid } = crossover;
    const load = new ConnectLoad({ port, perSecond, openMax });
    crossover.configure(options(1), `127.0.0.1:${address.port}`);
    assert.match((await crossover.replace()).reason ?? '', /does not serve: .*EADDRINUSE/);
    const events = await (
      await fetch(`http://127.0.0.1:${controlPort}/v1/events`, { headers: { authorization } })
    ).text();
    assert.match(events, /"replacing".*"control-restarted".*"replace-failed".*EADDRINUSE/s);
    writeFileSync(crossover.configFile, 'nonsense: 1\n');
    assert.match((await crossover.replace()).reason ?? '', /the configuration is wrong: .*nonsense/);
    assert.equal(crossover.pid, pid);
    await load.untilAnswered(perSecond);
    const report = await load.stop();
    assert.deepEqual(report.problems, []);
    assert.equal(report.answered, report.connects);
  });
});
