// Y's process is killed under load, with two workers: how much each sends to it before its breaker opens, and
// what clients see.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { breakerFailuresInARow, PPM } from '#src/limits.ts';
import type { BreakerTrace } from '../support/breaker-trace.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { chooseSeed, LoadClient, type LoadReport } from '../support/load-client.ts';
import { TokenUpstream } from '../support/token-upstream.ts';
import { hangMs } from '../support/until.ts';

/** Enough for the kernel to give both workers some. */
const connections = 32;

describe('the death of Y under load', { concurrency: false }, () => {
  const x = new TokenUpstream({ cluster: 'x', node: 'x1' });
  const y = new KillableUpstream('y', 'y1');
  let crossover: Crossover;
  let breakers: BreakerTrace[];
  let report: LoadReport;

  before(async () => {
    await Promise.all([x.listen(), y.start()]);
    crossover = await startCrossover(testConfig({ workers: 2, x: [x.port], y: [y.port] }), {
      weightPpm: PPM / 2,
    });
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const load = new LoadClient({ port: crossover.port, connections, seed, posts: 0.25 }).start();
    await load.untilEachAnswered(10);
    const tracing = crossover.traceBreakers(hangMs);
    await y.kill();
    breakers = await tracing;
    await load.untilEachAnswered(10);
    report = await load.stop();
  });
  after(async () => {
    await crossover?.stop();
    await Promise.all([x.stop(), y.kill()]);
  });

  it('opens the breaker of each worker after twenty failures and those that were under way', () => {
    for (const { isOpen, failures, failuresInARow } of breakers) {
      assert.ok(isOpen);
      assert.ok(failures >= breakerFailuresInARow, `${failures} failures`);
      assert.ok(failuresInARow <= breakerFailuresInARow + connections, `${failuresInARow} failures in a row`);
    }
  });

  it('is seen by no GET, and by the POSTs alone that were on their way to it', () => {
    assert.deepEqual(report.misrouted, []);
    assert.equal(report.lost, 0);
    assert.deepEqual(
      report.failures.filter(({ method }) => method === 'GET'),
      [],
    );
    assert.deepEqual(
      report.failures.filter(({ what }) => what !== '502'),
      [],
    );
    assert.ok(report.failures.length <= connections, `${report.failures.length} POSTs failed`);
  });

  it('has no POST delivered twice', () => {
    const posts = new Set(report.postTokens);
    const onY = y.tokens().filter((token) => posts.has(token));
    assert.ok(onY.length > 0);
    assert.deepEqual(
      onY.filter((token) => x.deliveries.has(token)),
      [],
    );
    assert.equal(new Set(onY).size, onY.length);
    assert.deepEqual(
      x.duplicates.filter((token) => posts.has(token)),
      [],
    );
  });
});
