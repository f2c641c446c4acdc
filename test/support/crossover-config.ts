// A configuration for tests: the documented defaults on ephemeral ports, with what a test wants different.
// Its timeouts are so long that no machine is slow enough to meet them: a test that is about one sets that
// one.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Config, NodeConfig } from '#src/config/config.ts';
import { parseConfig } from '#src/config/load.ts';
import { controlToken } from './control.ts';
import { quickPlace } from './quick-place.ts';

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

const hourMs = 3_600_000;

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

const storeFolders: string[] = [];
process.once('exit', () => {
  for (const folder of storeFolders) rmSync(folder, { recursive: true, force: true });
});

function storeFolder(): string {
  const folder = mkdtempSync(join(quickPlace, 'crossover-test-'));
  storeFolders.push(folder);
  return folder;
}

/** What long forms measure is the product as documented; they bring a machine that does nothing else. */
export const documentedTimeouts: Config['timeouts'] = documentedDefaults().timeouts;

const patientTimeouts: Config['timeouts'] = {
  ...(Object.fromEntries(
    Object.keys(documentedTimeouts).map((name) => [name, hourMs]),
  ) as unknown as Config['timeouts']),
  // What is waited for before something happens that a test is about.
  requestBodyWaitMs: 0,
  drainDelayMs: 0,
};

export function testConfig(options: TestConfig): Config {
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
      intervalMs: hourMs,
      timeoutMs: hourMs,
      slowStartMs: 0,
      ...options.health,
    },
    timeouts: { ...patientTimeouts, ...options.timeouts },
    // However slowly a test's client sends, no rate of it is too low.
    limits: { ...defaults.limits, bodyBytesPerSecond: 1e-6, ...options.limits },
    rollout: { ...defaults.rollout, ...options.rollout },
    store: { ...defaults.store, sqlite: join(storeFolder(), 'crossover.db') },
  };
}
