// Starts what runs in a demo: two clusters, the real supervisor and the clients. It is stopped in reverse
// order, and nothing of it is left.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeRuntimeFolder, withdrawInstance } from '#src/base/local-instance.ts';
import { parseConfig } from '#src/config/load.ts';
import { failoverKindOffset, failoverReasonSlots } from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';
import { type DemoPace, demoConfigText } from './demo-config.ts';
import { type KongCluster, startKongCluster } from './kong-cluster.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import type { TrafficCounts } from './traffic-messages.ts';

interface DemoSettings {
  readonly seed: number;
  readonly ratePerSecond: number;
  /**
   * Port of the proxy; null for the usual one or, when that is taken, a free one; 0 for free ports for
   * everything.
   */
  readonly port: number | null;
  readonly pace: DemoPace;
  /** File that keeps the record after the demo; with null the record is deleted at the end. */
  readonly storePath: string | null;
  readonly log: (line: LogLine) => void;
}

/** Counts over the whole demo. */
export interface DemoTotals {
  readonly traffic: TrafficCounts;
  readonly cutExchanges: number;
  /** Requests that failed on Y and were sent again to X. */
  readonly failovers: number;
}

export interface DemoSystem {
  readonly proxyUrl: string;
  /** The control API's URL. A new control thread may have another port when a free one was chosen. */
  controlUrl(): string;
  /** What it asks for. */
  readonly controlToken: string;
  readonly y: KongCluster;
  readonly ended: Promise<'completed' | 'reverted'>;
  trafficCounts(): TrafficCounts;
  /** Stops the clients, then the proxy, then the clusters. Resolves with the counts of the whole demo. */
  stop(): Promise<DemoTotals>;
}

const usualProxyPort = 8000;
const usualControlPort = 9900;
/** Clients wait longer than the proxy waits for Y, so that they get the proxy's answer. */
const clientTimeoutMs = 10_000;

/** Starts everything. Rejects, with nothing left running, when something cannot start. */
export async function startDemoSystem(settings: DemoSettings): Promise<DemoSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-demo-'));
  const runtimeFolder = takeRuntimeFolder(process.env);
  const removeFolder = () => {
    rmSync(folder, { recursive: true, force: true });
    if (runtimeFolder !== null) withdrawInstance(runtimeFolder, process.pid);
  };
  // Also when the process exits early, such as after a second Ctrl-C.
  process.once('exit', removeFolder);
  const cleanUp: (() => Promise<unknown>)[] = [async () => removeFolder()];
  const stopAll = async () => {
    for (const stop of cleanUp.reverse()) await stop();
  };
  try {
    const [x, y] = await startClusters(settings);
    cleanUp.push(() => Promise.all([x.stop(), y.stop()]));
    const controlToken = randomBytes(32).toString('base64url');
    const supervisor = await startProxy(settings, { folder, runtimeFolder, controlToken }, x, y);
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

/** Replays on X over all workers and reasons. */
function countFailovers(memory: SharedMemory): number {
  const start = failoverKindOffset(0);
  return memory.slabs
    .map((slab) => new Float64Array(slab).subarray(start, start + failoverReasonSlots))
    .reduce((sum, counters) => counters.reduce((subtotal, value) => subtotal + value, sum), 0);
}

/** Starts X and Y, which differ in version and seed only. */
function startClusters({ seed, pace }: DemoSettings): Promise<[KongCluster, KongCluster]> {
  const { latencyMsMedian } = pace;
  const services = latencyMsMedian === undefined ? {} : { latencyMsMedian };
  return Promise.all([
    startKongCluster({ ...services, version: '3.4.3', seed: seed + 1 }),
    startKongCluster({ ...services, version: '3.10.0', seed: seed + 2 }),
  ]);
}

/** What is the demo's alone. */
interface OwnPlaces {
  readonly folder: string;
  /** Where commands of this user find the process; null where there is none. */
  readonly runtimeFolder: string | null;
  readonly controlToken: string;
}

async function startProxy(
  settings: DemoSettings,
  { folder, runtimeFolder, controlToken }: OwnPlaces,
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
    runtimeFolder,
  });
}

function startClients({ ratePerSecond, seed, pace }: DemoSettings, url: string): Promise<Traffic> {
  const bound = pace.openMax === undefined ? {} : { openMax: pace.openMax };
  return startTraffic({ url, ratePerSecond, seed, timeoutMs: clientTimeoutMs, ...bound });
}

/** The wanted port, or 0 for any when it is taken. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(wanted)));
  });
}
