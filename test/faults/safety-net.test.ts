// What a bad Y costs: nothing the client sees as long as the budget lasts, all of it charged to Y, and a
// breaker that steps in.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { breakerFailuresInARow, breakerOpenMs, PPM } from '#src/limits.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { assertReconciled, type Bed, startBed } from '../support/bed.ts';
import { readMetrics, sumMetric } from '../support/control.ts';
import { LoadClient, type LoadReport } from '../support/load-client.ts';
import { until } from '../support/until.ts';

/**
 * Replays that are saved up for the first seconds, and those that are always allowed (failover-budget.ts).
 */
const burst = 1_000;
const floorPerSecond = 10;
const budgetShare = 0.2;
const connections = 8;

async function load(bed: Bed, count: number, options: { posts?: number } = {}): Promise<LoadReport> {
  const client = new LoadClient({ port: bed.crossover.port, connections, seed: 5, ...options }).start();
  await client.untilAnswered(count);
  const report = await client.stop();
  assertReconciled(report, [bed.x, bed.y]);
  return report;
}

async function counter(bed: Bed, offset: number): Promise<number> {
  return (await bed.crossover.slabs()).reduce((sum, slab) => sum + (slab[offset] ?? 0), 0);
}

describe('a Y that is down', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ weightPpm: PPM / 2, failover: { budget: 1 } });
    await bed.y.stop();
  });
  after(() => bed?.stop());

  it('is never seen by clients, is charged, and opens the breaker', async () => {
    const startedMs = performance.now();
    const report = await load(bed, 1000, { posts: 0.3 });
    const probes = Math.ceil((performance.now() - startedMs) / breakerOpenMs);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.equal(report.byCluster.x, report.answered);
    const metrics = await readMetrics(bed.crossover.controlPort);
    const charged = sumMetric(metrics, 'crossover_failures_total', 'cluster="y"', 'kind="connect"');
    const failovers = sumMetric(metrics, 'crossover_failovers_total', 'from="y"');
    assert.ok(charged >= 20, `${charged} failures charged to Y`);
    assert.equal(failovers, charged, 'each failure was rescued once');
    assert.equal(sumMetric(metrics, 'crossover_failures_total', 'cluster="x"'), 0);
    assert.ok((await counter(bed, WORKER.breakerOpens)) >= 1, 'the breaker opened');
    assert.ok((await counter(bed, WORKER.breakerDiverted)) > 100, "Y's share went to X");
    // Those until it opened and those under way then; after that, one probe each time its time is over.
    const chargedMax = breakerFailuresInARow + connections + probes;
    assert.ok(charged <= chargedMax, `${charged} failures, of at most ${chargedMax}`);
  });

  it('is probed, and gets its share back when it is up again', async () => {
    await bed.y.listen();
    const client = new LoadClient({
      port: bed.crossover.port,
      connections,
      seed: 6,
      requestsPerSecond: 400,
    });
    client.start();
    const isClosed = async (): Promise<boolean> => (await counter(bed, WORKER.breakerState)) === 0;
    await until(isClosed, 'the breaker to close');
    const { byCluster, answered } = client.report;
    const before = byCluster.y;
    await client.untilAnswered(answered + 200);
    const report = await client.stop();
    assert.deepEqual(report.failures.slice(0, 5), []);
    const fromY = report.byCluster.y - before;
    assert.ok(fromY >= 60, `${fromY} of the last ${report.answered - answered} from Y`);
  });
});

describe('an open breaker', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ weightPpm: PPM, failover: { budget: 1 } });
    await bed.y.stop();
  });
  after(() => bed?.stop());

  it('does not spend its probe on a request that is refused', async () => {
    await load(bed, 100);
    assert.equal(await counter(bed, WORKER.breakerState), 1, 'the breaker is open');
    await bed.y.listen();
    // Refused ones only, until the breaker's time is over: the first of them would have been its probe.
    const overMs = performance.now() + breakerOpenMs + 300;
    while (performance.now() < overMs) assert.equal(await sendBadChunk(bed.crossover.port), 400);
    const report = await load(bed, 200);
    assert.ok(report.byCluster.y > 100, `${report.byCluster.y} of ${report.answered} from Y`);
  });
});

/** A chunked POST whose chunk size is no number; resolves with the status of the answer. */
function sendBadChunk(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    });
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(Number(bytes.toString('latin1', 9, 12)));
    });
    socket.once('error', reject);
  });
}

describe('a Y that fails every other request', { concurrency: false }, () => {
  let bed: Bed;
  let failed = 0;
  before(async () => {
    bed = await startBed({ weightPpm: PPM, failover: { budget: budgetShare } });
    let turn = 0;
    bed.y.misbehave = (_request, response) => {
      if (turn++ % 2 === 0) return false;
      failed++;
      response.statusCode = 503;
      response.end('overloaded');
      return true;
    };
  });
  after(() => bed?.stop());

  it('is rescued within the budget, and beyond it keeps its own answers', async () => {
    const startedMs = performance.now();
    const client = new LoadClient({ port: bed.crossover.port, connections, seed: 5 }).start();
    // However fast the budget grows again meanwhile, more requests fail than it grows by.
    await until(
      () => client.report.byStatus.has(503),
      'the budget to run out',
      () => client.report.byStatus,
    );
    const report = await client.stop();
    assertReconciled(report, [bed.x, bed.y]);
    const seconds = (performance.now() - startedMs) / 1000;
    const rescued = report.byCluster.x;
    const shown = report.byStatus.get(503) ?? 0;
    assert.equal(rescued + shown, failed, 'each failure is either rescued or shown');
    const budget = burst + budgetShare * report.answered + floorPerSecond * seconds;
    assert.ok(rescued > burst, `${rescued} of ${report.answered} rescued`);
    assert.ok(rescued <= budget + 1, `${rescued} of ${report.answered} rescued: more than ${budget}`);
    assert.ok(shown > 0, 'the budget ran out');
    assert.equal(bed.x.requests, rescued);
    assert.ok((await counter(bed, WORKER.failoverBudgetExhausted)) > 0);
    const metrics = await readMetrics(bed.crossover.controlPort);
    assert.equal(sumMetric(metrics, 'crossover_failovers_total', 'from="y"'), rescued);
  });
});

describe('a Y that resets every request', { concurrency: false }, () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed({ weightPpm: PPM, failover: { budget: 1 } });
    bed.y.misbehave = (request) => {
      request.socket.resetAndDestroy();
      return true;
    };
  });
  after(() => bed?.stop());

  it('costs each POST it was sent a 502, delivered once', async () => {
    const report = await load(bed, 500, { posts: 1 });
    const onY = bed.y.requests;
    assert.ok(onY >= 20, `${onY} POSTs reached Y before the breaker opened`);
    assert.equal(report.byStatus.get(502), onY);
    assert.equal(report.byCluster.x, report.answered - onY);
    assert.deepEqual(bed.y.duplicates, []);
    const again = [...bed.y.deliveries.keys()].filter((token) => bed.x.deliveries.has(token));
    assert.deepEqual(again, []);
  });
});
