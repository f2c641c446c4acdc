// The share that Y really gets, and sessions that never flap while it grows.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PPM } from '#src/limits.ts';
import { assertReconciled, type Bed, startBed } from '../support/bed.ts';
import { LoadClient } from '../support/load-client.ts';

const requests = 100_000;
const share = 0.01;
/**
 * Of the binomial's deviations: 4.5 are exceeded once in 150,000 runs; the soak holds 10^6 requests to 99.9
 * %.
 */
const sigmas = 4.5;

describe('one percent on Y', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ workers: 2, weightPpm: share * PPM });
  });
  after(() => bed?.stop());

  it('is one percent of a hundred thousand requests', async () => {
    const load = new LoadClient({ port: bed.crossover.port, connections: 32, seed: 1 }).start();
    await load.untilAnswered(requests);
    const report = await load.stop();
    assertReconciled(report, [bed.x, bed.y]);
    assert.equal(report.lost, 0);
    assert.deepEqual(report.failures.slice(0, 5), []);
    const expected = report.answered * share;
    const deviation = Math.abs(report.byCluster.y - expected) / Math.sqrt(expected * (1 - share));
    console.log(`${report.byCluster.y} of ${report.answered} on Y: ${deviation.toFixed(2)} sigma`);
    assert.ok(deviation < sigmas, `${report.byCluster.y} of ${report.answered} on Y`);
  });
});

describe('sticky sessions', { concurrency: false }, () => {
  const sessions = 400;
  let bed: Bed;
  before(async () => {
    bed = await startBed({ workers: 2, routing: { sticky: { kind: 'cookie', name: 'session' } } });
  });
  after(() => bed?.stop());

  it('cross over at most once while the weight grows, and as many as it says', async () => {
    const load = new LoadClient({
      port: bed.crossover.port,
      connections: sessions,
      seed: 2,
      headers: (connection) => `Cookie: theme=dark; session=s${connection}\r\n`,
    }).start();
    for (const percent of [1, 5, 10, 25, 50, 75, 100]) {
      await bed.crossover.publishSplit((percent / 100) * PPM);
      await load.untilEachAnswered(2);
      const onY = load.report.clusterChanges.filter((changes) => changes.endsWith('y')).length;
      const expected = (percent / 100) * sessions;
      const sigma = Math.sqrt(expected * (1 - percent / 100)) + 1;
      assert.ok(Math.abs(onY - expected) < 5 * sigma, `${onY} of ${sessions} sessions on Y at ${percent} %`);
    }
    const report = await load.stop();
    assertReconciled(report, [bed.x, bed.y]);
    const flapped = report.clusterChanges.filter((changes) => !/^x?y?$/.test(changes));
    assert.deepEqual(flapped, []);
  });
});
