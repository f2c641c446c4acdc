// Y dies in a rollout, comes back, and gets another rollout: what its breakers were when it went is not held
// against it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Config } from '#src/config/config.ts';
import type { Gate } from '#src/config/signals-config.ts';
import { authorization } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { chooseSeed, LoadClient } from '../support/load-client.ts';
import { TokenUpstream } from '../support/token-upstream.ts';
import { hangMs, until } from '../support/until.ts';

/**
 * A gate that opens once it is asked: until then the start waits, and Y gets nothing. Any advance is cheap to
 * prove.
 */
function gatedConfig(xPort: number, yPort: number): Config {
  const config = testConfig({ workers: 2, x: [xPort], y: [yPort], rollout: { bakeMs: 0 } });
  const { thresholds } = config;
  const gate: Gate = {
    name: 'cab',
    at: ['before-start'],
    question: { kind: 'webhook', url: `http://127.0.0.1:${xPort}/gate`, secret: null },
    intervalMs: 1_000,
    timeoutMs: hangMs,
    retries: 0,
  };
  return {
    ...config,
    gates: [gate],
    // Latency is not what is tested here, and machines that run tests stall.
    thresholds: { ...thresholds, warmupMs: 0, harm: 1, latency: { ...thresholds.latency, overXMs: 10_000 } },
  };
}

describe('a rollout after one that the death of Y reverted', { concurrency: false }, () => {
  const x = new TokenUpstream({ cluster: 'x', node: 'x1' });
  const y = new KillableUpstream('y', 'y1');
  let crossover: Crossover;
  let load: LoadClient;

  before(async () => {
    await Promise.all([x.listen(), y.start()]);
    crossover = await startCrossover(gatedConfig(x.port, y.port));
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    load = new LoadClient({ port: crossover.port, connections: 32, seed, requestsPerSecond: 400 }).start();
  });
  after(async () => {
    await load?.stop();
    await crossover?.stop();
    await Promise.all([x.stop(), y.kill()]);
  });

  async function call(method: string, path: string, body?: unknown) {
    const headers = { 'content-type': 'application/json', authorization };
    const address = `http://127.0.0.1:${crossover.controlPort}${path}`;
    const response = await fetch(address, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a status as the API gives it
  async function statusWhere(holds: (status: any) => boolean): Promise<any> {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    let status: any;
    const isWanted = async (): Promise<boolean> => {
      status = await call('GET', '/v1/status');
      return holds(status);
    };
    await until(isWanted, `a status: ${holds}`, () => status?.rollout);
    return status;
  }

  it('starts with closed breakers, serves from Y and advances', async () => {
    await call('POST', '/v1/rollout', { steps: [50, 75, 100] });
    await statusWhere(({ clusters }) => clusters.y.requestsPerSecond > 0);
    await y.kill();
    const reverted = await statusWhere(({ phase }) => phase === 'reverted');
    assert.ok(reverted.workers.every(({ breaker }: { breaker: string }) => breaker !== 'closed'));
    await y.start();
    await call('POST', '/v1/rollout', { steps: [50, 75, 100] });
    const ofY = load.report.byCluster.y;
    const { phase, rollout } = await statusWhere(
      (status) => status.phase === 'reverted' || (status.rollout.step?.index ?? 0) > 0,
    );
    assert.equal(phase, 'ramping', rollout.cause?.text);
    assert.ok(load.report.byCluster.y > ofY);
  });
});
