import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyChanges, reloadOf } from '#src/config/changes.ts';
import { parseConfig } from '#src/config/load.ts';

const machine = { cores: 2, addresses: [], resolvePath: (path: string) => path };
function config(more: string, x = 'http://10.0.1.10:8000') {
  const text = `clusters: { x: { nodes: [${x}] }, y: { nodes: [http://10.0.2.10:8000] } }\n${more}`;
  const result = parseConfig(text, 'test.yaml', {}, machine);
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
}

test('classifyChanges finds nothing when nothing changed', () => {
  assert.deepEqual(classifyChanges(config(''), config('workers: auto')), { live: [], refused: [] });
});

test('classifyChanges names settings as they are written when they can change live', () => {
  const next = config(
    `routing: { sticky: clientIp, override: { secret: a } }
timeouts: { connect: 1s, drain: 5s }
rollout: { steps: [100], holdback: 2% }
thresholds: { latency: { max: { p50: 1s } }, blipTolerance: 5s }
limits: { bodyBytes: 1MiB }
control: { token: new }`,
    'http://10.0.1.11:8000',
  );
  const { live, refused } = classifyChanges(config(''), next);
  assert.deepEqual(refused, []);
  assert.deepEqual([...live].sort(), [
    'clusters.x.nodes',
    'control.token',
    'limits.bodyBytes',
    'rollout.holdback',
    'rollout.steps',
    'routing.override',
    'routing.sticky',
    'thresholds.blipTolerance',
    'thresholds.latency.max.p50',
    'thresholds.latency.max.p99',
    'timeouts.connect',
    'timeouts.drain',
  ]);
});

test('classifyChanges refuses with a reason when a restart is needed', () => {
  const next = config(
    'listen: { proxy: 0.0.0.0:8001, admin: 127.0.0.1:8002 }\nworkers: 4\nstore: { sqlite: b.db }',
  );
  const { live, refused } = classifyChanges(config(''), next);
  assert.deepEqual(live, []);
  assert.deepEqual(
    refused.map(({ path }) => path),
    ['listen.proxy', 'listen.admin', 'workers', 'store.sqlite'],
  );
  for (const { reason } of refused) assert.match(reason, /restart/);
});

test('reloadOf tells when a change of a setting counts', () => {
  assert.deepEqual(['listen.proxy', 'rollout.bake', 'health.path'].map(reloadOf), [
    'restart',
    'next rollout',
    'live',
  ]);
});
