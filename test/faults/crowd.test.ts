// Many more clients at once than there are connections to a node: they wait their turn, and none is refused.
// Nodes and proxy have processes of their own, and nobody is served before everybody is there, so that the
// clients are a crowd at any speed.
import assert from 'node:assert/strict';
import { platform } from 'node:process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { connectsPerNodeMax, PPM } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { LoadClient, type LoadReport } from '../support/load-client.ts';
import { until } from '../support/until.ts';

/**
 * Many more than connects to a node that may be under way, and no more than the safety net has replays saved
 * up for.
 */
const clients = 900;
/**
 * A node that was stopped still gets so many connections, and all further connects hang. With less room the
 * system would try all that hang at the same moments later, each time in vain for most, and each time after
 * twice the time.
 */
const backlog = connectsPerNodeMax;

describe('a crowd of clients', { skip: platform !== 'linux', concurrency: false }, () => {
  let x: KillableUpstream;
  let y: KillableUpstream;
  let crossover: Crossover;
  beforeEach(async () => {
    x = new KillableUpstream('x', 'x1');
    y = new KillableUpstream('y', 'y1', { backlog });
    await Promise.all([x.start(), y.start()]);
    crossover = await startCrossover(testConfig({ x: [x.port], y: [y.port], failover: { budget: 1 } }));
  });
  afterEach(async () => {
    await crossover?.stop();
    await Promise.all([x.kill(), y.kill()]);
  });

  /** Sends everybody to Y, which is stopped, and resolves when all are there. */
  async function gather(load: LoadClient): Promise<void> {
    y.pause();
    await crossover.publishSplit(PPM);
    load.start();
    let there = 0;
    const areThere = async (): Promise<boolean> => {
      there = (await crossover.workerCounter(WORKER.inFlightY))[0] ?? 0;
      return there === clients;
    };
    await until(areThere, 'everybody to be there', () => there);
    const waiting = (await crossover.workerCounter(WORKER.pendingY))[0] ?? 0;
    assert.ok(waiting > clients / 2, `${waiting} of ${clients} wait for a connection`);
  }

  function assertServed(report: LoadReport): void {
    assert.deepEqual(report.misrouted, []);
    assert.deepEqual(report.invalid, []);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.equal(report.answered, report.sent);
  }

  it('is served whole, each with its own answer, on fewer connections than clients', async () => {
    const load = new LoadClient({ port: crossover.port, connections: clients, seed: 1, posts: 0.3 });
    await gather(load);
    y.resume();
    await load.untilEachAnswered(2);
    assertServed(await load.stop());
    const { connectionsMost, damaged } = await y.counts();
    assert.equal(damaged, 0);
    assert.ok(connectionsMost < clients, `${connectionsMost} connections to the node`);
  });

  it('goes to the other cluster when its node is gone, whoever waits for it', async () => {
    const load = new LoadClient({ port: crossover.port, connections: clients, seed: 2 });
    await gather(load);
    await y.kill();
    await load.untilEachAnswered(1);
    const report = await load.stop();
    assertServed(report);
    assert.equal(report.byCluster.x, report.answered);
  });
});
