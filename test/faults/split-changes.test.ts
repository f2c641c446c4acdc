// The split changes again and again under load: nothing fails, everybody gets their own answer, and the
// metrics end up at exactly what the client counted.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { assertReconciled, type Bed, startBed } from '../support/bed.ts';
import { putSplit, readMetrics, sumMetric } from '../support/control.ts';
import { chooseSeed, LoadClient } from '../support/load-client.ts';

const changes = 50;
const answersBetween = 100;

describe('the split under load', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ workers: 2 });
  });
  after(() => bed?.stop());

  it('loses nothing while the weight changes again and again, and counts what the client counts', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const load = new LoadClient({
      port: bed.crossover.port,
      connections: 16,
      seed,
      posts: 0.3,
      chunkedPosts: 0.2,
    }).start();
    for (let change = 0; change < changes; change++) {
      await putSplit(bed.crossover.controlPort, random.nextUint32() % 101);
      await load.untilAnswered(load.report.answered + answersBetween);
    }
    const report = await load.stop();
    assertReconciled(report, [bed.x, bed.y]);
    assert.equal(report.lost, 0);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.deepEqual([...bed.x.duplicates, ...bed.y.duplicates], []);
    assert.equal(bed.x.requests, report.byCluster.x);
    assert.equal(bed.y.requests, report.byCluster.y);
    const metrics = await readMetrics(bed.crossover.controlPort);
    for (const cluster of ['x', 'y'] as const) {
      const counted = sumMetric(metrics, 'crossover_requests_total', `cluster="${cluster}"`, 'code="200"');
      assert.equal(counted, report.byCluster[cluster], `crossover_requests_total of ${cluster}`);
    }
  });

  it('sends the very next request by the new weight', async () => {
    for (let round = 0; round < 20; round++) {
      const wanted = round % 2 === 0 ? 'y' : 'x';
      await putSplit(bed.crossover.controlPort, wanted === 'y' ? 100 : 0);
      const load = new LoadClient({ port: bed.crossover.port, connections: 4, seed: round }).start();
      await load.untilAnswered(20);
      const { byCluster, answered } = await load.stop();
      assert.equal(byCluster[wanted], answered, `round ${round}: ${JSON.stringify(byCluster)}`);
    }
  });
});
