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
  /** CPU time of the thread, percent of one core. */
  readonly percentWithTraffic: number;
  readonly percentWithout: number;
}

/** The name the supervisor gives the thread. */
const threadName = 'control';
/** More than there are slots for, so that all are taken. */
export const hosts = 80;
/** The warm-up is over, so latency is compared; routes have their slots, and the code has been optimised. */
const settleMs = 75_000;
/** What was under way is answered. */
const quietMs = 3_000;

async function percentOfCore(bed: DecisionBed, measuredMs: number): Promise<number> {
  const { pid } = bed.crossover;
  const startedMs = performance.now();
  const cpuMsBefore = threadCpuMs(pid, threadName);
  await wait(measuredMs);
  return (100 * (threadCpuMs(pid, threadName) - cpuMsBefore)) / (performance.now() - startedMs);
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
    const percentWithTraffic = await percentOfCore(bed, measuredMs);
    await bed.clients.stop();
    await wait(quietMs);
    return { streams, routes, percentWithTraffic, percentWithout: await percentOfCore(bed, measuredMs) };
  } finally {
    await bed.stop();
  }
}
