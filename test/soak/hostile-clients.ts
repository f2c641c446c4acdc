// Clients that keep all places from others, on real sockets: the others are served all the same, and nothing
// is charged to a cluster. By hand: node --test test/soak/hostile-clients.ts. It is not in the suite because
// the process of the test sometimes does not end: Node spins at its exit over what the sieges left half done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBed } from '../support/bed.ts';
import { readMetrics, sumMetric } from '../support/control.ts';
import { type HostileKind, Siege } from '../support/hostile-clients.ts';
import { writeLargeBody } from '../support/large-body.ts';
import type { Misbehaviour } from '../support/token-upstream.ts';
import { until } from '../support/until.ts';
import { fetchOnce } from '../support/wire-client.ts';

const requests = 25;
/** More than the kernel takes for a client that does not read. */
const largeBodyBytes = 16 * 1024 * 1024;
/** Readers get much, leavers nothing. */
const misbehave: Misbehaviour = ({ url }, response) => {
  if (url === '/t/large') writeLargeBody(response, largeBodyBytes, () => response.end());
  return url === '/t/large' || url === '/t/left';
};

const limits = { connections: 150, upstreamConnections: 60 };

interface Case {
  readonly kinds: Partial<Record<HostileKind, number>>;
  /** Label of the metric; null: any. */
  readonly reason: string | null;
  readonly limits: { readonly connections: number; readonly upstreamConnections: number };
}

const sieges: readonly Case[] = [
  { kinds: { silent: 200 }, reason: 'silent', limits },
  { kinds: { uploads: 200 }, reason: 'upload', limits },
  { kinds: { leavers: 200 }, reason: 'left', limits },
  { kinds: { readers: 40 }, reason: 'reader', limits: { connections: 30, upstreamConnections: 10 } },
  { kinds: { silent: 150, uploads: 100, leavers: 100, readers: 20 }, reason: null, limits },
];

for (const { kinds, reason, limits } of sieges)
  test(`${Object.keys(kinds).join(', ')} beyond all limits keep no newcomer out`, async (t) => {
    const timeouts = { requestBodyWaitMs: 300, clientLeftMs: 5_000 };
    const bed = await startBed({ limits, timeouts, weightPpm: 500_000 });
    for (const upstream of [bed.x, bed.y]) upstream.misbehave = misbehave;
    const { port, controlPort } = bed.crossover;
    const siege = new Siege();
    t.after(async () => {
      await siege.end();
      await bed.stop();
    });
    await siege.begin({ port, address: '127.0.0.9', kinds });
    const labels = reason === null ? [] : [`reason="${reason}"`];
    const gaveWay = async (): Promise<number> =>
      sumMetric(await readMetrics(controlPort), 'crossover_gave_way_total', ...labels);
    const isServed = async (): Promise<boolean> =>
      (await fetchOnce(port, '/t/first'))?.status === 200 && (await gaveWay()) > 0;
    // A crowd that has just come is not made to give way to itself.
    await until(isServed, 'places to be short, and newcomers to be served');
    for (let request = 0; request < requests; request++) {
      const answer = await fetchOnce(port, `/t/victim-${request}`);
      assert.equal(answer?.status, 200, `request ${request} of a newcomer: ${answer?.body}`);
    }
    const metrics = await readMetrics(controlPort);
    for (const name of [
      'crossover_failures_total',
      'crossover_node_ejections_total',
      'crossover_breaker_opens_total',
    ])
      assert.equal(sumMetric(metrics, name), 0, name);
    t.diagnostic(`${await gaveWay()} gave way`);
  });
