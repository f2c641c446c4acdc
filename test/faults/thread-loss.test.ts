// A thread dies under load. A worker takes only its own connections with it and is replaced; without a
// control thread the traffic goes on at the last split.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PPM } from '#src/limits.ts';
import { assertReconciled, type Bed, startBed } from '../support/bed.ts';
import { putSplit, readMetrics } from '../support/control.ts';
import { LoadClient } from '../support/load-client.ts';

const connections = 24;

describe('the loss of a thread under load', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ workers: 2 });
    await putSplit(bed.crossover.controlPort, 50);
  });
  after(() => bed?.stop());

  it('costs at most the exchanges of the worker that died', async () => {
    const load = new LoadClient({ port: bed.crossover.port, connections, seed: 1, posts: 0.3 }).start();
    await load.untilAnswered(500);
    await bed.crossover.order({ type: 'terminate-worker', index: 0 });
    const before = load.report.answered + load.report.lost;
    await load.untilAnswered(before + 2000);
    const report = await load.stop();
    assertReconciled(report, [bed.x, bed.y]);
    assert.ok(report.lost <= connections, `${report.lost} exchanges lost`);
    assert.equal(
      report.failures.filter(({ what }) => what !== 'lost').length,
      0,
      JSON.stringify(report.failures),
    );
    assert.deepEqual([...bed.x.duplicates, ...bed.y.duplicates], []);
  });

  it('has a worker in place of the dead one that keeps the split', async () => {
    await bed.crossover.replaceWorker(0);
    await bed.crossover.replaceWorker(1);
    const load = new LoadClient({ port: bed.crossover.port, connections, seed: 2 }).start();
    await load.untilAnswered(1000);
    const report = await load.stop();
    assert.deepEqual(report.failures.slice(0, 5), []);
    const share = report.byCluster.y / report.answered;
    assert.ok(share > 0.4 && share < 0.6, `Y's share is ${share} at 50 %`);
  });

  it('costs nothing when it is the control thread, and the split stays', async () => {
    await putSplit(bed.crossover.controlPort, 100);
    const load = new LoadClient({ port: bed.crossover.port, connections, seed: 3, posts: 0.3 }).start();
    await load.untilAnswered(300);
    await bed.crossover.replaceControl();
    await load.untilAnswered(load.report.answered + 1000);
    const report = await load.stop();
    assertReconciled(report, [bed.x, bed.y]);
    assert.equal(report.lost, 0);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.equal(report.byCluster.y, report.answered, 'everything stays on Y');
    const metrics = await readMetrics(bed.crossover.controlPort);
    assert.equal(metrics.get('crossover_split_ratio{cluster="y"}'), 1, `of ${PPM} ppm`);
  });
});
