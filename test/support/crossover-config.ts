// A configuration for tests: the documented defaults on ephemeral ports, with what a test wants different.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterConfig, Config } from '#src/config/config.ts';
import {
  connectionsMaxDefault,
  headBytesMaxDefault,
  headerCountMaxDefault,
  PPM,
  replayBytesMaxDefault,
} from '#src/limits.ts';

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

const cluster = (label: string, ports: readonly number[]): ClusterConfig => ({
  label,
  nodes: ports.map((port) => ({ id: `127.0.0.1:${port}`, host: '127.0.0.1', port })),
  admin: null,
});

export function testConfig(options: TestConfig): Config {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-test-'));
  return {
    listen: {
      proxy: { host: '127.0.0.1', port: 0 },
      control: { host: '127.0.0.1', port: 0 },
      admin: null,
    },
    workers: options.workers ?? 1,
    clusters: { x: cluster('old', options.x), y: cluster('new', options.y) },
    routing: { sticky: { kind: 'none' }, rules: [], trustedProxies: [], override: null, ...options.routing },
    failover: { on: ['connect', 'reset', 'timeout', 502, 503, 504], budget: 0.2, ...options.failover },
    // One probe at the start, then none while a test runs: what a test counts is its own traffic.
    health: {
      path: probePath,
      intervalMs: 3_600_000,
      timeoutMs: 1_000,
      unhealthyAfter: 3,
      healthyAfter: 2,
      ejection: true,
      slowStartMs: 0,
      ...options.health,
    },
    timeouts: {
      requestHeadMs: 10_000,
      requestBodyMs: 30_000,
      clientIdleMs: 60_000,
      connectMs: 2_000,
      responseHeadMs: 30_000,
      responseBodyMs: 30_000,
      upstreamIdleMs: 50_000,
      tunnelIdleMs: 3_600_000,
      drainMs: 30_000,
      ...options.timeouts,
    },
    limits: {
      headBytes: headBytesMaxDefault,
      headerCount: headerCountMaxDefault,
      connections: connectionsMaxDefault,
      replayBytes: replayBytesMaxDefault,
      bodyBytes: null,
      ...options.limits,
    },
    rollout: {
      autostart: false,
      stepsPpm: [PPM / 100, PPM / 10, PPM],
      bakeMs: 60_000,
      stepTimeoutMs: 1_800_000,
      onInconclusive: 'hold',
      soakMs: 600_000,
      holdbackPpm: PPM / 100,
      ...options.rollout,
    },
    thresholds: {
      errorRate: { timesX: 1.1, overX: 0.0002, max: 0.05 },
      statusMix: { timesX: 1.25, overX: 0.002 },
      latency: { timesX: 1.1, maxMs: {} },
      falseReverts: 0.01,
      harm: 0.001,
      warmupMs: 45_000,
      blipToleranceMs: 1000,
    },
    control: { token: null },
    store: { sqlite: join(directory, 'crossover.db') },
  };
}
