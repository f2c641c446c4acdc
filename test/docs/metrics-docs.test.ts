// docs/metrics.md lists the metrics that /metrics has, with their types and labels, and no others.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { proxyErrorIndex } from '#src/base/error-catalog.ts';
import { failureCause } from '#src/core/telemetry/failure-cause.ts';
import { causesOffset, rejectedOffset, WORKER, X, Y } from '#src/shared-memory/layout.ts';
import { backend, startControl } from '../control-plane/support/control-rig.ts';
import { add, countAnswers, countFailures } from '../control-plane/support/counters.ts';
import { until } from '../support/until.ts';

interface Metric {
  readonly type: string;
  readonly labels: readonly string[];
}

function documented(): Map<string, Metric> {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `crossover_'));
  return new Map(
    rows.map((row) => {
      const [name = '', type = '', labels = ''] = row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim());
      return [name.slice(1, -1), { type, labels: labels === '' ? [] : labels.split(', ').toSorted() }];
    }),
  );
}

function scraped(text: string): Map<string, Metric> {
  const metrics = new Map<string, { type: string; labels: Set<string> }>();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (crossover_\w+) (\w+)$/gm)) {
    metrics.set(name, { type, labels: new Set() });
  }
  for (const [, sample = '', labels = ''] of text.matchAll(/^(crossover_\w+)(?:\{(.*)\})? /gm)) {
    const metric = metrics.get(sample) ?? metrics.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) metric?.labels.add(label);
  }
  return new Map(
    [...metrics].map(([name, { type, labels }]) => [name, { type, labels: [...labels].toSorted() }]),
  );
}

test('metrics documentation lists every metric with its type and labels, and no other', async (t) => {
  const port = await backend(t);
  const yaml = `
metrics: [{ name: orders, pushed: values, min: 1 }]
gates: [{ name: cab, at: before-start, webhook: "http://127.0.0.1:${port}/" }]
notifications: [{ name: chat, slack: "http://127.0.0.1:${port}/" }]`;
  const rig = await startControl(t, { yaml, nodes: { x: [port], y: [await backend(t)] } });
  await rig.call('POST', '/v1/rollout');
  await rig.untilEvent('rollout-step');
  await rig.call('POST', '/v1/metrics/orders', { body: { cluster: 'y', value: 5 } });
  countAnswers(rig.memory, { arm: X, epoch: 1 }, { status: 200, count: 1 });
  countFailures(rig.memory, { arm: Y, epoch: 1 }, 'reset', 1);
  add(rig.memory, 0, rejectedOffset(proxyErrorIndex.hostInvalid), 1);
  add(rig.memory, 0, causesOffset(Y, 0) + failureCause('head', 'ECONNRESET').index, 1);
  add(rig.memory, 0, WORKER.connectionsOpen, 1);
  // The evidence has labels once the loop has judged for the first time.
  let text = '';
  // So have answers of gates and receivers once there is one.
  const awaited = [
    'analysis_evidence{',
    'notifications_total{',
    'gate_answers_total{',
    'business_metric_value{',
  ];
  const areThere = async (): Promise<boolean> => {
    text = (await rig.call('GET', '/metrics')).text;
    return awaited.every((sample) => text.includes(`crossover_${sample}`));
  };
  await until(areThere, awaited.join(', '), () => text);
  const known = scraped(text);
  assert.ok(known.size > 30);
  assert.deepEqual(Object.fromEntries(documented()), Object.fromEntries(known));
});
