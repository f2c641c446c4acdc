import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { startKongCluster } from '#src/demo/kong-cluster.ts';
import { startTraffic } from '#src/demo/traffic.ts';
import { hangMs, until } from '../support/until.ts';

const steady = { latencyMsMedian: 1, latencySigma: 0, errorShare: 0 };

describe('traffic', () => {
  it('counts the same requests and statuses as the cluster when nothing fails', async (t) => {
    const cluster = await startKongCluster(steady);
    t.after(() => cluster.stop());
    const traffic = await startTraffic({
      url: cluster.urls[0] ?? '',
      ratePerSecond: 400,
      seed: 7,
      timeoutMs: hangMs,
    });
    await until(() => traffic.counts().sent >= 300, '300 requests', traffic.counts);
    const seen = await traffic.stop();
    const { requestCount, countByStatus } = await cluster.counts();
    assert.equal(seen.sent, requestCount);
    assert.equal(seen.successes, (countByStatus.get(200) ?? 0) + (countByStatus.get(201) ?? 0));
    assert.equal(seen.clientErrors, (countByStatus.get(401) ?? 0) + (countByStatus.get(404) ?? 0));
    assert.equal(seen.failed + seen.serverErrors, 0);
    assert.ok(seen.latencyMsP50 >= 1 && seen.latencyMsP99 >= seen.latencyMsP50);
  });

  it('counts a request as failed when nobody listens', async (t) => {
    const cluster = await startKongCluster(steady);
    t.after(() => cluster.stop());
    await cluster.setFault({ kind: 'dead' });
    const traffic = await startTraffic({
      url: cluster.urls[0] ?? '',
      ratePerSecond: 400,
      seed: 7,
      timeoutMs: hangMs,
    });
    await until(() => traffic.counts().failed >= 10, '10 failures', traffic.counts);
    const seen = await traffic.stop();
    assert.equal(seen.failed, seen.sent);
    assert.equal(seen.answered, 0);
  });

  it('counts an answer that is cut short as failed', async (t) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('12345', () => response.destroy());
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const traffic = await startTraffic({ url, ratePerSecond: 200, seed: 7, timeoutMs: hangMs });
    await until(() => traffic.counts().failed >= 10, '10 failures', traffic.counts);
    const seen = await traffic.stop();
    assert.equal(seen.failed, seen.sent);
  });

  it('gives up when its patience is over', async (t) => {
    const cluster = await startKongCluster(steady);
    t.after(() => cluster.stop());
    await cluster.setFault({ kind: 'brownout', slowness: 1, hangShare: 1, unavailableShare: 0 });
    const traffic = await startTraffic({
      url: cluster.urls[0] ?? '',
      ratePerSecond: 200,
      seed: 7,
      timeoutMs: 100,
    });
    await until(() => traffic.counts().sent >= 20, '20 requests', traffic.counts);
    const seen = await traffic.stop();
    assert.ok(seen.failed > 0);
    assert.equal(seen.sent, seen.failed + seen.answered);
  });
});
