// Business metrics and gates on a real Prometheus that scrapes an exporter of the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../../support/peers.ts';
import { httpPeer } from '../support/http-peer.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { SignalRig } from '../support/signal-rig.ts';

/** What the exporter shows: seconds per checkout of both gateways, and orders that wait. */
interface Shop {
  x: number;
  y: number;
  waiting: number | 'NaN';
}

const exposition = ({ x, y, waiting }: Shop): string =>
  `checkout_seconds{gateway="x"} ${x}\ncheckout_seconds{gateway="y"} ${y}\norders_waiting ${waiting}\n`;

const query = `'checkout_seconds{gateway="{{cluster}}"}'`;

test('rollouts follow what a real Prometheus says', { skip: skipWithout('prometheus') }, async (t) => {
  const shop: Shop = { x: 0.2, y: 0.2, waiting: 3 };
  const exporter = await httpPeer(t, () => ({
    status: 200,
    body: exposition(shop),
    headers: { 'content-type': 'text/plain; version=0.0.4' },
  }));
  const prometheus = await startPrometheus(t, exporter.port);
  const server = `prometheus: "${prometheus.url}"`;
  await prometheus.untilQuery('checkout_seconds{gateway="y"}', 0.2);
  const rigWith = (yaml: string, steps = [1, 10, 100]) => new SignalRig(t, { yaml, steps });

  await t.test('a metric within its rule lets the rollout pass', async () => {
    const rig = rigWith(`metrics:\n  - { name: checkout, promql: ${query}, ${server}, timesX: 1.5 }\n`);
    rig.start();
    await rig.until(() => rig.state.phase === 'completed');
    assert.ok(!rig.events.some((name) => name.startsWith('metric')));
  });

  await t.test('a metric that grows worse holds, and reverts when it stays so', async () => {
    const rule = 'timesX: 1.5, interval: 100ms, onViolation: revert, failuresInARow: 3';
    const rig = rigWith(`metrics:\n  - { name: checkout, promql: ${query}, ${server}, ${rule} }\n`, [1, 100]);
    shop.y = 0.9;
    await prometheus.untilQuery('checkout_seconds{gateway="y"}', 0.9);
    rig.start();
    await rig.until(() => rig.hold === 'metric: checkout: 0.9 on Y against 0.2 on X is above the limit 0.3');
    rig.clock.pass(100);
    await rig.until(() => rig.signals.metrics.views()[0]?.violatedInARow === 2);
    assert.equal(rig.state.phase, 'ramping');
    rig.clock.pass(100);
    await rig.until(() => rig.cause !== null);
    assert.match(rig.cause?.text ?? '', /^checkout: 0\.9 on Y against 0\.2 on X .*, 3 times in a row$/);
  });

  const holds: [name: string, promql: string, hold: RegExp][] = [
    ['several series', `'checkout_seconds'`, /for y, the query finds 2 series, and one is needed/],
    ['no series', `'checkout_seconds{gateway="z"}'`, /for y, the query finds no series$/],
    ['NaN', `'orders_waiting * NaN'`, /for y, the value is NaN, not a number$/],
    ['infinity', `'orders_waiting / 0'`, /for y, the value is \+Inf, not a number$/],
    ['a range', `'checkout_seconds[1m]'`, /for y, the query gives a matrix, not one number$/],
    [
      'a parse error',
      `'sum(checkout_seconds'`,
      /for y, Prometheus does not understand the query: .*parse error/,
    ],
  ];
  for (const [name, promql, hold] of holds) {
    await t.test(`a query that gives ${name} holds and never reverts`, async () => {
      const rule = 'max: 0, interval: 100ms, onViolation: revert, failuresInARow: 1';
      const rig = rigWith(`metrics:\n  - { name: checkout, promql: ${promql}, ${server}, ${rule} }\n`);
      rig.start();
      await rig.until(() => hold.test(rig.hold ?? ''));
      rig.clock.pass(100);
      await rig.until(() => (rig.signals.metrics.problemCounts()[0]?.count ?? 0) >= 2);
      assert.equal(rig.state.phase, 'ramping');
    });
  }

  await t.test(
    'a query that does not parse fails the checks before a start, one without data does not',
    async () => {
      const rig = rigWith(`metrics:
  - { name: broken, promql: 'sum(checkout_seconds', ${server}, max: 1 }
  - { name: empty, promql: 'nothing_like_it', ${server}, max: 1 }
  - { name: good, promql: ${query}, ${server}, max: 1 }
gates:
  - { name: broken-gate, at: before-step, promql: 'rate(x)', ${server}, max: 1 }
  - { name: good-gate, at: before-step, promql: orders_waiting, ${server}, max: 1 }
`);
      const checks = await rig.signals.preflight();
      assert.deepEqual(
        checks.map(({ name, passed }) => [name, passed]),
        [
          ['metric-broken', false],
          ['metric-empty', true],
          ['metric-good', true],
          ['gate-broken-gate', false],
          ['gate-good-gate', true],
        ],
      );
      assert.match(
        checks[0]?.text ?? '',
        /^Metric broken: Prometheus does not understand the query: .*parse error/,
      );
      assert.match(checks[3]?.text ?? '', /^Gate broken-gate: Prometheus does not understand the query: /);
    },
  );

  await t.test('a gate opens when its query comes within its bounds', async () => {
    shop.waiting = 12;
    await prometheus.untilQuery('orders_waiting', 12);
    const yaml = `gates:\n  - { name: queue, at: before-full, promql: orders_waiting, ${server}, max: 10, interval: 100ms }\n`;
    const rig = rigWith(yaml, [1, 100]);
    rig.start();
    await rig.until(() => rig.hold === 'gate: gate queue holds: 12 is above max 10');
    shop.waiting = 10;
    await prometheus.untilQuery('orders_waiting', 10);
    rig.clock.pass(100);
    await rig.until(() => rig.state.phase === 'soaking');
  });

  await t.test('a Prometheus that is gone holds, and a revert is possible', async () => {
    await prometheus.stop();
    const rule = 'max: 1, onViolation: revert, failuresInARow: 1';
    const rig = rigWith(`metrics:\n  - { name: checkout, promql: ${query}, ${server}, ${rule} }\n`);
    rig.start();
    await rig.until(() => rig.hold?.endsWith('refused the connection') === true);
    assert.deepEqual(
      (await rig.signals.preflight()).map(({ passed }) => passed),
      [true],
    );
    rig.command('revert');
    assert.equal(rig.state.phase, 'reverted');
  });
});
