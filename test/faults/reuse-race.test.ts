// Upstream connections end or reset exactly as they are reused, hundreds of times.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { LoadClient } from '../support/load-client.ts';
import { MeanUpstream } from '../support/mean-upstream.ts';
import { TokenUpstream } from '../support/token-upstream.ts';

describe('an upstream connection that dies as it is reused', { concurrency: false }, () => {
  const upstream = new MeanUpstream(3);
  let crossover: Crossover;
  before(async () => {
    await upstream.listen();
    const config = testConfig({ x: [upstream.port], y: [upstream.port], health: { ejection: false } });
    crossover = await startCrossover(config);
  });
  after(async () => {
    await crossover?.stop();
    await upstream.stop();
  });

  it('costs no GET anything', async () => {
    const deathsBefore = upstream.deaths;
    const load = new LoadClient({ port: crossover.port, connections: 8, seed: 1 }).start();
    await load.untilAnswered(1000);
    const report = await load.stop();
    assert.ok(upstream.deaths - deathsBefore > 100, `${upstream.deaths} deaths`);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.deepEqual(report.misrouted, []);
    assert.equal(report.sent, report.answered);
  });

  it('costs a POST a 502 and never delivers it twice', async () => {
    const deathsBefore = upstream.deaths;
    const load = new LoadClient({ port: crossover.port, connections: 8, seed: 2, posts: 1 }).start();
    await load.untilAnswered(1000);
    const report = await load.stop();
    const deaths = upstream.deaths - deathsBefore;
    assert.ok(deaths > 100, `${deaths} deaths`);
    assert.deepEqual(report.misrouted, []);
    assert.equal(report.sent, report.answered);
    assert.equal(report.byStatus.get(502), deaths, 'each death is one 502');
    const prefix = `${load.name}-`;
    const doubled = [...upstream.deliveries].filter(
      ([token, count]) => count > 1 && token.startsWith(prefix),
    );
    assert.deepEqual(doubled, []);
  });
});

describe('one of two nodes that dies on every request', { concurrency: false }, () => {
  const deadly = new MeanUpstream(0);
  const sound = new TokenUpstream({ cluster: 'x', node: 'sound' });
  let crossover: Crossover;
  before(async () => {
    await Promise.all([deadly.listen(), sound.listen()]);
    const config = testConfig({
      x: [deadly.port, sound.port],
      y: [sound.port],
      health: { ejection: false },
    });
    crossover = await startCrossover(config);
  });
  after(async () => {
    await crossover?.stop();
    await Promise.all([deadly.stop(), sound.stop()]);
  });

  it('costs no GET anything as long as the other node serves', async () => {
    const load = new LoadClient({ port: crossover.port, connections: 8, seed: 3 }).start();
    await load.untilAnswered(1000);
    const report = await load.stop();
    assert.ok(deadly.deaths > 50, `${deadly.deaths} deaths`);
    assert.deepEqual(report.failures.slice(0, 5), []);
    assert.deepEqual(report.misrouted, []);
    assert.equal(report.byStatus.get(200), report.sent);
  });

  it('costs a POST a 502 and takes it to no other node', async () => {
    const load = new LoadClient({ port: crossover.port, connections: 8, seed: 4, posts: 1 }).start();
    await load.untilAnswered(1000);
    const report = await load.stop();
    const failed = new Set(report.failures.map(({ token }) => token));
    const taken = report.postTokens.filter((token) => deadly.deliveries.has(token));
    assert.ok(taken.length > 50, `${taken.length} POSTs reached the deadly node`);
    assert.deepEqual(
      taken.filter((token) => !failed.has(token) || sound.deliveries.has(token)),
      [],
    );
    assert.deepEqual(
      taken.filter((token) => deadly.deliveries.get(token) !== 1),
      [],
    );
    assert.equal(report.byStatus.get(502), taken.length);
    assert.deepEqual(sound.duplicates, []);
  });
});
