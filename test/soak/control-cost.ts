// What the control thread costs while it compares as many streams as there can be: with traffic, and without.
import { setTimeout as wait } from 'node:timers/promises';
import { threadCpuMs } from '../support/proc.ts';
import {
  type BedSettings,
  type DecisionBed,
  liveRoutes,
  liveStreams,
  startDecisionBed,
  startRollout,
} from './decision-bed.ts';

export interface ControlCost {
  /** Streams of all requests, and of routes, that had something to compare. */
  readonly streams: number;
  readonly routes: number;
  readonly withTraffic: ThreadCosts;
  readonly without: ThreadCosts;
}

/** CPU time of threads, percent of one core. */
export interface ThreadCosts {
  readonly control: number;
  readonly store: number;
}

/** The names the threads have. */
const threadNames = ['control', 'store'] as const;
/** More than there are slots for, so that all are taken. */
export const hosts = 80;
/** The warm-up is over, so latency is compared; routes have their slots, and the code has been optimised. */
const settleMs = 75_000;
/** What was under way is answered. */
const quietMs = 3_000;

async function percentOfCore(bed: DecisionBed, measuredMs: number): Promise<ThreadCosts> {
  const { pid } = bed.crossover;
  const read = () => threadNames.map((name) => threadCpuMs(pid, name));
  const startedMs = performance.now();
  const before = read();
  await wait(measuredMs);
  const [control = Number.NaN, store = Number.NaN] = read().map(
    (cpuMs, index) => (100 * (cpuMs - (before[index] ?? Number.NaN))) / (performance.now() - startedMs),
  );
  return { control, store };
}

export async function measureControlCost(
  settings: Omit<BedSettings, 'hosts'>,
  measuredMs: number,
): Promise<ControlCost> {
  const bed = await startDecisionBed({ ...settings, hosts });
  try {
    await startRollout(bed);
    await wait(settleMs);
    const streams = (await liveStreams(bed)).length;
    const routes = await liveRoutes(bed);
    const withTraffic = await percentOfCore(bed, measuredMs);
    await bed.clients.stop();
    await wait(quietMs);
    return { streams, routes, withTraffic, without: await percentOfCore(bed, measuredMs) };
  } finally {
    await bed.stop();
  }
}
