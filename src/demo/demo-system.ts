// Everything that runs in a demo: two clusters, the real supervisor, the clients. Starts in order, stops in reverse, and
// leaves nothing behind.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeRuntimeFolder } from '#src/base/local-instance.ts';
import { parseConfig } from '#src/config/load.ts';
import { failoverKindOffset, failoverReasonSlots } from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';
import { type DemoPace, demoConfigText } from './demo-config.ts';
import { type KongCluster, startKongCluster } from './kong-cluster.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import type { TrafficCounts } from './traffic-messages.ts';

export interface DemoSettings {
  readonly seed: number;
  readonly ratePerSecond: number;
  /** Port of the proxy; null takes the usual one or a free one; 0 takes free ones for everything. */
  readonly port: number | null;
  readonly pace: DemoPace;
  /** File that keeps the record after the demo; null: it goes with the demo. */
  readonly storePath: string | null;
  readonly log: (line: LogLine) => void;
}

/** What is known when everything has stopped. */
export interface DemoTotals {
  readonly traffic: TrafficCounts;
  readonly cutExchanges: number;
  /** Requests that failed on Y and were answered by X instead. */
  readonly failovers: number;
}

export interface DemoSystem {
  readonly proxyUrl: string;
  /** A replaced control thread may listen elsewhere when its port was a free one. */
  controlUrl(): string;
  /** What it asks for. */
  readonly controlToken: string;
  readonly y: KongCluster;
  readonly ended: Promise<'completed' | 'reverted'>;
  trafficCounts(): TrafficCounts;
  /** Ends the clients first, then the proxy, then the clusters; resolves with what the clients saw in all. */
  stop(): Promise<DemoTotals>;
}

const usualProxyPort = 8000;
const usualControlPort = 9900;
/** A client waits longer than the proxy does for Y, so that it sees the proxy's answer. */
const clientPatienceMs = 10_000;

/** Starts everything; rejects, with nothing left running, when something cannot start. */
export async function startDemoSystem(settings: DemoSettings): Promise<DemoSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-demo-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  // Also when the process ends in the middle, such as by a second Ctrl-C.
  process.once('exit', removeFolder);
  const cleanUp: (() => Promise<unknown>)[] = [async () => removeFolder()];
  const stopAll = async () => {
    for (const stop of cleanUp.reverse()) await stop();
  };
  try {
    const [x, y] = await startClusters(settings.seed);
    cleanUp.push(() => Promise.all([x.stop(), y.stop()]));
    const controlToken = randomBytes(32).toString('base64url');
    const supervisor = await startProxy(settings, { folder, controlToken }, x, y);
    let cutExchanges = 0;
    cleanUp.push(async () => {
      cutExchanges = (await supervisor.drain()).cutExchanges;
    });
    const proxyUrl = `http://127.0.0.1:${supervisor.proxyPort}`;
    const traffic = await startClients(settings, proxyUrl);
    let finalCounts = traffic.counts();
    cleanUp.push(async () => {
      finalCounts = await traffic.stop();
    });
    return {
      proxyUrl,
      controlUrl: () => `http://127.0.0.1:${supervisor.controlPort}`,
      controlToken,
      y,
      ended: supervisor.ended,
      trafficCounts: () => traffic.counts(),
      async stop() {
        await stopAll();
        return { traffic: finalCounts, cutExchanges, failovers: countFailovers(supervisor.memory) };
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Over all workers and reasons, as the workers counted them. */
function countFailovers(memory: SharedMemory): number {
  const start = failoverKindOffset(0);
  return memory.slabs
    .map((slab) => new Float64Array(slab).subarray(start, start + failoverReasonSlots))
    .reduce((sum, counters) => counters.reduce((subtotal, value) => subtotal + value, sum), 0);
}

/** X and Y differ in version and seed only. */
const startClusters = (seed: number): Promise<[KongCluster, KongCluster]> =>
  Promise.all([
    startKongCluster({ version: '3.4.3', seed: seed + 1 }),
    startKongCluster({ version: '3.10.0', seed: seed + 2 }),
  ]);

async function startProxy(
  settings: DemoSettings,
  { folder, controlToken }: { readonly folder: string; readonly controlToken: string },
  x: KongCluster,
  y: KongCluster,
): Promise<Supervisor> {
  const places = {
    proxyPort: settings.port ?? (await freePort(usualProxyPort)),
    controlPort: settings.port === 0 ? 0 : await freePort(usualControlPort),
    xUrls: x.urls,
    yUrls: y.urls,
    storePath: settings.storePath ?? join(folder, 'crossover.db'),
    token: controlToken,
  };
  const text = demoConfigText(places, settings.pace);
  const file = join(folder, 'crossover.yaml');
  writeFileSync(file, text, { mode: 0o600 });
  const loaded = parseConfig(text, file, {});
  if (!loaded.ok) throw new Error(`invariant broken: ${JSON.stringify(loaded.problems)}`);
  return startSupervisor({
    config: loaded.config,
    configPath: file,
    log: settings.log,
    // So that `crossover status` beside it needs no options.
    runtimeFolder: takeRuntimeFolder(process.env),
  });
}

const startClients = ({ ratePerSecond, seed }: DemoSettings, url: string): Promise<Traffic> =>
  startTraffic({ url, ratePerSecond, seed, patienceMs: clientPatienceMs });

/** The wanted port, or 0 (any) when somebody has it. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(wanted)));
  });
}
