// The soak's third phase: after each kind of fault, the same load must be served as well as before it, with
// no more memory and descriptors. A twin, an equal proxy with nodes of its own that no fault befalls, is
// under the same load all the time. What is compared is the proxy against its twin over the same seconds:
// whatever else the machine does befalls both.
import { setTimeout as wait } from 'node:timers/promises';
import { createRandom, type Random } from '#src/base/random.ts';
import { putSplit } from '../support/control.ts';
import type { LoadClient } from '../support/load-client.ts';
import { latencyMs } from '../support/load-client.ts';
import { rssBytes } from '../support/proc.ts';
import type { Run } from './long-form.ts';
import { atMost, type Figure, forInformation } from './report.ts';
import {
  configReload,
  controlKill,
  createLoad,
  type Disturbance,
  descriptorsBesidePool,
  nodeKill,
  overload,
  type Stage,
  startStage,
  stopStage,
  weightChange,
  workerKill,
  yPercent,
} from './soak-stage.ts';
import { measurePeak } from './steady-phase.ts';

const kinds: readonly Disturbance[] = [
  nodeKill,
  workerKill,
  controlKill,
  configReload,
  weightChange,
  overload,
];
/** Windows on each side of a fault; their medians are compared. */
const windows = 15;
/** What a fault and the recovery from it take of a kind's time. */
const faultMs = 10_000;
const windowMsMin = 250;
const twinSeed = 1_000;
const latencyGrowthMax = 1.1;
const resourceGrowthMax = 1.05;

interface Health {
  /** p99 of the proxy, times that of its twin. */
  readonly p99Ratio: number;
  readonly p99Ms: number;
  readonly rssRatio: number;
  readonly descriptors: number;
}

interface Pair {
  readonly stage: Stage;
  readonly twin: Stage;
  readonly load: LoadClient;
  readonly twinLoad: LoadClient;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function medianHealth({ stage, twin, load, twinLoad }: Pair, windowMs: number): Promise<Health> {
  const seen: Health[] = [];
  for (let window = 0; window < windows; window++) {
    for (const { report } of [load, twinLoad]) report.latency.reset();
    await wait(windowMs); // the window is the subject
    const p99Ms = latencyMs(load.report, 99);
    seen.push({
      p99Ratio: p99Ms / latencyMs(twinLoad.report, 99),
      p99Ms,
      rssRatio: rssBytes(stage.crossover.pid) / rssBytes(twin.crossover.pid),
      descriptors: await descriptorsBesidePool(stage),
    });
  }
  const of = (field: keyof Health): number => median(seen.map((health) => health[field]));
  return {
    p99Ratio: of('p99Ratio'),
    p99Ms: of('p99Ms'),
    rssRatio: of('rssRatio'),
    descriptors: of('descriptors'),
  };
}

async function afterOne(kind: Disturbance, pair: Pair, windowMs: number, random: Random): Promise<Figure[]> {
  const { stage, load } = pair;
  const before = await medianHealth(pair, windowMs);
  await kind.happen(stage, random);
  await putSplit(stage.crossover.controlPort, yPercent);
  await wait(faultMs / 2); // a node that was away takes its share again
  const failuresBefore = load.report.failures.length;
  const after = await medianHealth(pair, windowMs);
  return [
    atMost(`after ${kind.name}: failures`, load.report.failures.length - failuresBefore, 0),
    forInformation(`after ${kind.name}: p99 before, ms`, before.p99Ms),
    atMost(`after ${kind.name}: p99, times that before`, after.p99Ratio / before.p99Ratio, latencyGrowthMax),
    atMost(
      `after ${kind.name}: memory, times that before`,
      after.rssRatio / before.rssRatio,
      resourceGrowthMax,
    ),
    atMost(
      `after ${kind.name}: descriptors, times those before`,
      after.descriptors / before.descriptors,
      resourceGrowthMax,
    ),
  ];
}

/**
 * Without any fault, what the same comparison says: how far two medians are apart on this machine by
 * themselves.
 */
const nothing: Disturbance = { name: 'nothing', happen: async () => {} };

export async function aftermathPhase(
  stage: Stage,
  rate: number,
  durationMs: number,
  run: Run,
): Promise<Figure[]> {
  const random = createRandom(stage.seed + 3);
  const all = [nothing, ...kinds];
  const windowMs = Math.max(windowMsMin, (durationMs / all.length - faultMs) / (2 * windows));
  const twin = await startStage(stage.seed + twinSeed);
  await measurePeak(twin); // its code gets warm, as the other's is
  await putSplit(twin.crossover.controlPort, yPercent);
  const loadOf = (one: Stage): LoadClient =>
    createLoad(one, { requestsPerSecond: rate / 2, seed: one.seed + 3 }).start();
  const pair = { stage, twin, load: loadOf(stage), twinLoad: loadOf(twin) };
  const figures: Figure[] = [];
  for (const kind of all) {
    figures.push(...(await afterOne(kind, pair, windowMs, random)));
    run.say(`aftermath: ${kind.name} done`);
  }
  await Promise.all([pair.load.stop(), pair.twinLoad.stop()]);
  await stopStage(twin);
  return figures;
}
