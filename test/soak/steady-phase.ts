// The soak's first phase: mixed load at half of what the machine does with client and nodes included, at a
// fixed weight. Nothing may fail, the share must be the binomial's, memory must not grow.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { WORKER } from '#src/shared-memory/layout.ts';
import { putSplit, readMetrics, sumMetric } from '../support/control.ts';
import { type LoadReport, latencyMs } from '../support/load-client.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import type { Run } from './long-form.ts';
import { atMost, type Figure, forInformation } from './report.ts';
import { createLoad, type Stage, yPercent } from './soak-stage.ts';

const MiB = 1024 * 1024;
const sampleEveryMs = 1_000;
const sayEverySamples = 60;
/**
 * Until then the control thread's windows fill and the heaps find their size: 220 to 250 MiB, flat from
 * there.
 */
const warmupMinutes = 3;
/** Less than a minute of samples says nothing about a slope. */
const slopeSamplesMin = 60;
const peakAnswers = 20_000;
const ownDelayResolutionMs = 1;

export interface MemorySample {
  readonly minute: number;
  readonly rssBytes: number;
}

/** Requests/s that a closed loop gets through: client, proxy and nodes together. */
export async function measurePeak(stage: Stage): Promise<number> {
  const load = createLoad(stage, {}).start();
  // Twice as many: the first half compiles the code on all sides.
  await load.untilAnswered(peakAnswers);
  const startedMs = performance.now();
  await load.untilAnswered(2 * peakAnswers);
  const peak = peakAnswers / ((performance.now() - startedMs) / 1000);
  await load.stop();
  return peak;
}

/** Least-squares slope of the memory, bytes per minute; 0 with fewer than two samples. */
function slopePerMinute(samples: readonly MemorySample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / count;
  const meanY = samples.reduce((sum, sample) => sum + sample.rssBytes, 0) / count;
  const covariance = samples.reduce(
    (sum, sample) => sum + (sample.minute - meanX) * (sample.rssBytes - meanY),
    0,
  );
  const variance = samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
  return covariance / variance;
}

/** The slope once warm; for information where there is too little to tell one. */
export function memorySlope(name: string, samples: readonly MemorySample[]): Figure {
  const warm = samples.filter(({ minute }) => minute > warmupMinutes);
  const slope = slopePerMinute(warm) / MiB;
  return warm.length < slopeSamplesMin ? forInformation(name, slope) : atMost(name, slope, 1);
}

async function sample(
  stage: Stage,
  durationMs: number,
  run: Run,
  report: LoadReport,
): Promise<MemorySample[]> {
  const { pid } = stage.crossover;
  const samples: MemorySample[] = [];
  const startedMs = performance.now();
  while (performance.now() - startedMs < durationMs) {
    const minute = (performance.now() - startedMs) / 60_000;
    samples.push({ minute, rssBytes: rssBytes(pid) });
    if (samples.length % sayEverySamples === 0)
      run.say(
        `steady: ${report.answered} answered, ${Math.round(rssBytes(pid) / MiB)} MiB, ${fileDescriptorCount(pid)} descriptors`,
      );
    await wait(sampleEveryMs);
  }
  return samples;
}

export const unaccounted = (report: LoadReport): number =>
  report.sent - report.answered - report.lost - report.aborted;

export async function steadyPhase(
  stage: Stage,
  rate: number,
  durationMs: number,
  run: Run,
): Promise<Figure[]> {
  const { crossover } = stage;
  const share = yPercent / 100;
  await putSplit(crossover.controlPort, yPercent);
  const okBefore = sumMetric(
    await readMetrics(crossover.controlPort),
    'crossover_requests_total',
    'code="200"',
  );
  const load = createLoad(stage, { aborts: 0.05, requestsPerSecond: rate, seed: stage.seed + 1 }).start();
  const ownDelay = monitorEventLoopDelay({ resolution: ownDelayResolutionMs });
  ownDelay.enable();
  const samples = await sample(stage, durationMs, run, load.report);
  ownDelay.disable();
  const report = await load.stop();
  const ok = report.byStatus.get(200) ?? 0;
  const metrics = await readMetrics(crossover.controlPort);
  const delaysMs = (await crossover.slabs()).map((slab) => slab[WORKER.loopDelayMsMax] ?? 0);
  const deviation = Math.abs(report.byCluster.y - ok * share) / Math.sqrt(ok * share * (1 - share));
  return [
    forInformation('steady: requests', report.sent),
    atMost('steady: unaccounted for', unaccounted(report), 0),
    atMost('steady: failed or lost', report.failures.length, 0),
    atMost('steady: misrouted or invalid', report.misrouted.length + report.invalid.length, 0),
    atMost("steady: Y's share off by, sigma", deviation, 4),
    forInformation('steady: p50, ms', latencyMs(report, 50)),
    forInformation('steady: p99, ms', latencyMs(report, 99)),
    forInformation('steady: p99.9, ms', latencyMs(report, 99.9)),
    // What of it may be the load generator's own: it is one thread, with a garbage collector, too.
    forInformation(
      "steady: p99.9 of the load generator's own loop, ms late",
      ownDelay.percentile(99.9) / 1e6 - ownDelayResolutionMs,
    ),
    atMost('steady: p99.9 / p50', latencyMs(report, 99.9) / latencyMs(report, 50), 10),
    memorySlope('steady: memory slope after warm-up, MiB/min', samples),
    atMost("steady: longest delay of a worker's loop, ms", Math.max(...delaysMs), 100),
    atMost(
      'steady: metrics short of the client by',
      Math.max(0, ok - (sumMetric(metrics, 'crossover_requests_total', 'code="200"') - okBefore)),
      0,
    ),
  ];
}
