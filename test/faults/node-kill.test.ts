// One of three upstream nodes is killed with -9 under load, then started again.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NODE, nodeOffset, X } from '#src/shared-memory/layout.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { LoadClient, type LoadReport } from '../support/load-client.ts';
import { TokenUpstream } from '../support/token-upstream.ts';
import { until } from '../support/until.ts';

const connections = 24;

describe('the death of one of three nodes', { concurrency: false }, () => {
  const nodes = ['x1', 'x2', 'x3'].map((name) => new KillableUpstream('x', name));
  const y = new TokenUpstream({ cluster: 'y', node: 'y1' });
  let crossover: Crossover;

  before(async () => {
    await Promise.all([...nodes.map((node) => node.start()), y.listen()]);
    const config = testConfig({
      workers: 2,
      x: nodes.map(({ port }) => port),
      y: [y.port],
      // Who is slow to answer is not dead: a node that was killed refuses.
      health: { path: '/', intervalMs: 500, unhealthyAfter: 2, healthyAfter: 1 },
    });
    crossover = await startCrossover(config);
  });
  after(async () => {
    await crossover?.stop();
    await Promise.all([...nodes.map((node) => node.kill()), y.stop()]);
  });

  async function loadAcross(event: () => Promise<void>, posts: number): Promise<LoadReport> {
    const load = new LoadClient({ port: crossover.port, connections, seed: 7, posts }).start();
    await load.untilAnswered(500);
    await event();
    await load.untilAnswered(load.report.answered + 2000);
    return load.stop();
  }

  const requestsOf = async (slot: number): Promise<number> => {
    const slabs = await crossover.slabs();
    return slabs.reduce((sum, slab) => sum + (slab[nodeOffset(X, slot) + NODE.requests] ?? 0), 0);
  };

  it('costs no idempotent request anything', async () => {
    const report = await loadAcross(() => nodes[0]?.kill() ?? Promise.resolve(), 0);
    assert.deepEqual(report.misrouted, []);
    assert.deepEqual(report.failures, []);
    assert.equal(report.sent, report.answered);
  });

  it('gives the node back its share once it is up again', async () => {
    await nodes[0]?.start();
    const before = await requestsOf(0);
    const isServing = async (): Promise<boolean> => {
      const load = new LoadClient({ port: crossover.port, connections: 8, seed: 8 }).start();
      await load.untilAnswered(50);
      await load.stop();
      return (await requestsOf(0)) > before;
    };
    await until(isServing, 'the restarted node to get requests again');
  });

  it('fails only those POSTs that were on their way to it, and delivers none twice', async () => {
    const report = await loadAcross(() => nodes[1]?.kill() ?? Promise.resolve(), 1);
    assert.deepEqual(report.misrouted, []);
    assert.equal(report.lost, 0);
    assert.ok(report.failures.length <= connections, `${report.failures.length} failed`);
    assert.deepEqual(
      report.failures.filter(({ what }) => what !== '502'),
      [],
    );
    const tokens = nodes.flatMap((node) => node.tokens());
    const posted = new Map<string, number>();
    for (const token of tokens) posted.set(token, (posted.get(token) ?? 0) + 1);
    const failed = new Set(report.failures.map(({ token }) => token));
    const doubled = [...posted].filter(([token, count]) => count > 1 && !failed.has(token));
    // GETs of the first test may have been repeated; POSTs never are, failed or not.
    const postPrefix = `${tokens.at(-1)?.split('-')[0]}-`;
    assert.deepEqual(
      doubled.filter(([token]) => token.startsWith(postPrefix)),
      [],
    );
    assert.deepEqual(
      [...posted].filter(([token, count]) => count > 1 && failed.has(token)),
      [],
    );
  });
});
