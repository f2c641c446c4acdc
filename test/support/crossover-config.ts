// A configuration for tests: the documented defaults on ephemeral ports, with what a test wants different.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config, NodeConfig } from '#src/config/config.ts';
import { parseConfig } from '#src/config/load.ts';
import { controlToken } from './control.ts';

/** Path of the active checks in tests: scripted upstreams answer whatever begins with `/-` by themselves. */
export const probePath = '/-health';

export interface TestConfig {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly workers?: number;
  readonly timeouts?: Partial<Config['timeouts']>;
  readonly limits?: Partial<Config['limits']>;
  readonly health?: Partial<Config['health']>;
  readonly failover?: Partial<Config['failover']>;
  readonly routing?: Partial<Config['routing']>;
  readonly rollout?: Partial<Config['rollout']>;
}

const nodesAt = (ports: readonly number[]): NodeConfig[] =>
  ports.map((port) => ({ id: `127.0.0.1:${port}`, host: '127.0.0.1', port }));

/** Everything as documented where a test has no opinion, so that a new setting needs no change here. */
function documentedDefaults(): Config {
  const text = `clusters:
  x: { label: old, nodes: ['http://127.0.0.1:1'] }
  y: { label: new, nodes: ['http://127.0.0.1:2'] }
`;
  const result = parseConfig(text, '(test)', {});
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

export function testConfig(options: TestConfig): Config {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-test-'));
  const defaults = documentedDefaults();
  return {
    ...defaults,
    listen: {
      ...defaults.listen,
      proxy: { host: '127.0.0.1', port: 0 },
      control: [{ kind: 'tcp', host: '127.0.0.1', port: 0, tls: null }],
    },
    control: { ...defaults.control, token: controlToken },
    workers: options.workers ?? 1,
    clusters: {
      x: { ...defaults.clusters.x, nodes: nodesAt(options.x) },
      y: { ...defaults.clusters.y, nodes: nodesAt(options.y) },
    },
    routing: { ...defaults.routing, ...options.routing },
    failover: { ...defaults.failover, ...options.failover },
    // One probe at the start, then none while a test runs: what a test counts is its own traffic.
    health: {
      ...defaults.health,
      path: probePath,
      intervalMs: 3_600_000,
      slowStartMs: 0,
      ...options.health,
    },
    timeouts: { ...defaults.timeouts, ...options.timeouts },
    limits: { ...defaults.limits, ...options.limits },
    rollout: { ...defaults.rollout, ...options.rollout },
    store: { ...defaults.store, sqlite: join(directory, 'crossover.db') },
  };
}
