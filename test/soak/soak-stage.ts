// What the soak plays on: one proxy with two workers, three nodes per cluster in processes of their own, and
// what can go wrong with them.
import { spawnSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '#src/base/random.ts';
import type { Config } from '#src/config/config.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { chooseCores } from '../../bench/cores.ts';
import { putSplit } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { documentedTimeouts, testConfig } from '../support/crossover-config.ts';
import { KillableUpstream } from '../support/killable-upstream.ts';
import { isPostToken, LoadClient, type LoadOptions } from '../support/load-client.ts';
import { fileDescriptorCount } from '../support/proc.ts';

export const connections = 32;
export const yPercent = 10;
const workers = 2;
const nodesPerCluster = 3;
const outageMs = 2_000;
const reloads = 20;
const reloadEveryMs = 100;
const overloadConnections = 512;
const overloadMs = 5_000;

export interface Stage {
  readonly crossover: Crossover;
  readonly config: Config;
  readonly x: readonly KillableUpstream[];
  readonly y: readonly KillableUpstream[];
  readonly seed: number;
  /** Cores of the proxy and of all else; null where nothing is pinned. */
  readonly cores: { readonly proxy: string; readonly load: string } | null;
}

/** Client and nodes stay off the proxy's core: what they do to each other is no figure of the proxy. */
function pinToLoadCores(): Stage['cores'] {
  const { proxy, load } = chooseCores();
  if (proxy === null || load === null) return null;
  spawnSync('taskset', ['-acp', load, String(process.pid)]);
  return { proxy, load };
}

export async function startStage(seed: number): Promise<Stage> {
  const cores = pinToLoadCores();
  const make = (cluster: 'x' | 'y') =>
    Array.from(
      { length: nodesPerCluster },
      (_, index) => new KillableUpstream(cluster, `${cluster}${index}`),
    );
  const x = make('x');
  const y = make('y');
  await Promise.all([...x, ...y].map((node) => node.start()));
  const config = testConfig({
    workers,
    x: x.map(({ port }) => port),
    y: y.map(({ port }) => port),
    health: { path: '/', intervalMs: 1_000, timeoutMs: 800, unhealthyAfter: 2, healthyAfter: 1 },
    timeouts: { ...documentedTimeouts, drainMs: 5_000 },
  });
  const crossover = await startCrossover(config, cores === null ? {} : { cores: cores.proxy });
  return { crossover, config, x, y, seed, cores };
}

export async function stopStage({ crossover, x, y }: Stage): Promise<void> {
  await crossover.stop();
  await Promise.all([...x, ...y].map((node) => node.kill()));
}

/** The soak's mixed load, not yet started. */
export function createLoad(stage: Stage, options: Partial<LoadOptions>): LoadClient {
  const { crossover, seed } = stage;
  return new LoadClient({
    port: crossover.port,
    connections,
    seed,
    posts: 0.3,
    chunkedPosts: 0.1,
    isLong: true,
    ...options,
  });
}

/** Open descriptors beside the pool of upstream connections, which follows the load. */
export async function descriptorsBesidePool({ crossover }: { crossover: Crossover }): Promise<number> {
  const pools = [WORKER.upstreamOpenX, WORKER.upstreamOpenY].map((index) => crossover.workerCounter(index));
  const pooled = (await Promise.all(pools)).flat().reduce((sum, open) => sum + open, 0);
  return fileDescriptorCount(crossover.pid) - pooled;
}

/** POSTs that reached a node more than once. */
export function countDoubledPosts({ x, y }: Stage): number {
  const seen = new Set<string>();
  let doubled = 0;
  for (const node of [...x, ...y]) {
    for (const token of node.tokens()) {
      if (!isPostToken(token)) continue;
      if (seen.has(token)) doubled++;
      seen.add(token);
    }
  }
  return doubled;
}

export interface Disturbance {
  readonly name: string;
  /** Resolves when it is over and the proxy is as it was before, by its own account. */
  happen(stage: Stage, random: Random): Promise<void>;
}

/** One node of X less, and other thresholds: what an operator edits while traffic flows. */
export function editedConfig(config: Config, random: Random): Config {
  const { x } = config.clusters;
  const leftOut = random.nextUint32() % x.nodes.length;
  const nodes = x.nodes.filter((_, index) => index !== leftOut);
  const { errorRate } = config.thresholds;
  return {
    ...config,
    clusters: { ...config.clusters, x: { ...x, nodes } },
    thresholds: { ...config.thresholds, errorRate: { ...errorRate, timesX: 1 + random.next() } },
  };
}

export const workerKill: Disturbance = {
  name: 'worker killed',
  happen: ({ crossover }, random) => crossover.replaceWorker(random.nextUint32() % workers),
};

export const controlKill: Disturbance = {
  name: 'control thread killed',
  happen: ({ crossover }) => crossover.replaceControl(),
};

export const nodeKill: Disturbance = {
  name: 'node killed',
  async happen({ x, y }, random) {
    const nodes = random.nextUint32() % 2 === 0 ? x : y;
    const node = nodes[random.nextUint32() % nodes.length] as KillableUpstream;
    await node.kill();
    await wait(outageMs); // the outage is the subject
    await node.start();
  },
};

export const weightChange: Disturbance = {
  name: 'weight changed',
  happen: ({ crossover }, random) => putSplit(crossover.controlPort, random.nextUint32() % 101),
};

export const configReload: Disturbance = {
  name: 'config reloaded',
  async happen({ crossover, config }, random) {
    for (let count = 0; count < reloads; count++) {
      const result = await crossover.reload(count % 2 === 0 ? editedConfig(config, random) : config);
      if (!result.ok) throw new Error(`reload refused: ${JSON.stringify(result.problems)}`);
      await wait(reloadEveryMs); // the rate of the changes is the subject
    }
  },
};

/** Many more connections than there is capacity for, each asking as fast as it is answered. */
export const overload: Disturbance = {
  name: 'overload',
  async happen(stage) {
    const load = createLoad(stage, { connections: overloadConnections }).start();
    await wait(overloadMs); // the length of the overload is the subject
    await load.stop();
  },
};
