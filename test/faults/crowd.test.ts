// Many more clients at once than there are connections to a node: they wait their turn, and none is refused.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertReconciled, type Bed, startBed } from '../support/bed.ts';
import { LoadClient } from '../support/load-client.ts';

/** More than a worker keeps connections to a node, and no more than this process can be and serve at once. */
const clients = 1_300;

describe('a crowd of clients', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ workers: 1 });
  });
  after(() => bed?.stop());

  it('is served whole, each with its own answer, on fewer connections than clients', async () => {
    const load = new LoadClient({
      port: bed.crossover.port,
      connections: clients,
      seed: 1,
      posts: 0.3,
    }).start();
    await load.untilEachAnswered(2);
    const report = await load.stop();
    assertReconciled(report, [bed.x]);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.ok(bed.x.connectionsMost < clients, `${bed.x.connectionsMost} connections to the node`);
  });

  it('goes to the other cluster when its node is gone, whoever waits for it', async () => {
    await bed.crossover.publishSplit(1_000_000);
    await bed.y.stop();
    const load = new LoadClient({ port: bed.crossover.port, connections: clients, seed: 2 }).start();
    await load.untilEachAnswered(1);
    const report = await load.stop();
    assertReconciled(report, [bed.x]);
    assert.equal(report.answered, report.sent);
  });
});
