// The soak's third phase: after each kind of fault, the same load must be served as well as before it, with no more memory and
// descriptors. Before and after are windows right beside the fault, so that the machine's own drift stays out of it.
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
  weightChange,
  workerKill,
  yPercent,
} from './soak-stage.ts';

const kinds: readonly Disturbance[] = [
  nodeKill,
  workerKill,
  controlKill,
  configReload,
  weightChange,
  overload,
];
/** Windows on each side of a fault; their medians are compared. */
const windows = 8;
/** What a fault and the recovery from it take of a kind's time. */
const faultMs = 10_000;
const windowMsMin = 250;
const latencyGrowthMax = 1.1;
const resourceGrowthMax = 1.05;

interface Health {
  readonly p99Ms: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function medianHealth(stage: Stage, load: LoadClient, windowMs: number): Promise<Health> {
  const seen: Health[] = [];
  for (let window = 0; window < windows; window++) {
    load.report.latency.reset();
    await wait(windowMs); // the window is the subject
    seen.push({
      p99Ms: latencyMs(load.report, 99),
      rssBytes: rssBytes(stage.crossover.pid),
      descriptors: await descriptorsBesidePool(stage),
    });
  }
  return {
    p99Ms: median(seen.map(({ p99Ms }) => p99Ms)),
    rssBytes: median(seen.map((health) => health.rssBytes)),
    descriptors: median(seen.map(({ descriptors }) => descriptors)),
  };
}

async function afterOne(
  kind: Disturbance,
  stage: Stage,
  load: LoadClient,
  windowMs: number,
  random: Random,
): Promise<Figure[]> {
  const before = await medianHealth(stage, load, windowMs);
  await kind.happen(stage, random);
  await putSplit(stage.crossover.controlPort, yPercent);
  await wait(faultMs / 2); // a node that was away takes its share again
  const failuresBefore = load.report.failures.length;
  const after = await medianHealth(stage, load, windowMs);
  return [
    atMost(`after ${kind.name}: failures`, load.report.failures.length - failuresBefore, 0),
    forInformation(`after ${kind.name}: p99 before, ms`, before.p99Ms),
    atMost(`after ${kind.name}: p99, times that before`, after.p99Ms / before.p99Ms, latencyGrowthMax),
    atMost(
      `after ${kind.name}: memory, times that before`,
      after.rssBytes / before.rssBytes,
      resourceGrowthMax,
    ),
    atMost(
      `after ${kind.name}: descriptors, times those before`,
      after.descriptors / before.descriptors,
      resourceGrowthMax,
    ),
  ];
}

/** Without any fault, what the same comparison says: how far two medians are apart on this machine by themselves. */
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
  const load = createLoad(stage, { requestsPerSecond: rate, seed: stage.seed + 3 }).start();
  const figures: Figure[] = [];
  for (const kind of all) {
    figures.push(...(await afterOne(kind, stage, load, windowMs, random)));
    run.say(`aftermath: ${kind.name} done`);
  }
  await load.stop();
  return figures;
}
