// The weight changes ten times a second under load, and the configuration once a second: nothing may fail,
// every worker must follow at once, memory must not grow. By hand:
//   node test/soak/changes.ts [--minutes N] [--seed N] [--write]
import { setTimeout as wait } from 'node:timers/promises';
import { createRandom } from '#src/base/random.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { putSplit } from '../support/control.ts';
import type { Crossover } from '../support/crossover.ts';
import { rssBytes } from '../support/proc.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, forInformation } from './report.ts';
import { countDoubledPosts, createLoad, editedConfig, startStage, stopStage } from './soak-stage.ts';
import { type MemorySample, memorySlope, unaccounted } from './steady-phase.ts';

const changeEveryMs = 100;
/** Each tenth change is watched until every worker has it, and accompanied by a reload. */
const watchedEvery = 10;
const visibleWithinMs = 5_000;

/** Milliseconds until every worker's counter is past the value; the reading itself takes one or two. */
async function untilAllPast(crossover: Crossover, counter: number, value: number): Promise<number> {
  const startedMs = performance.now();
  while ((await crossover.workerCounter(counter)).some((present) => present <= value))
    if (performance.now() - startedMs > visibleWithinMs) return Number.POSITIVE_INFINITY;
  return performance.now() - startedMs;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function measure({ seed, option, say }: Run): Promise<Measured> {
  const durationMs = option('minutes') * 60_000;
  const random = createRandom(seed);
  const stage = await startStage(seed);
  const { crossover, config } = stage;
  const load = createLoad(stage, { requestsPerSecond: option('rate') }).start();
  const samples: MemorySample[] = [];
  const splitDelaysMs: number[] = [];
  const reloadDelaysMs: number[] = [];
  let percent = 0;
  let changes = 0;
  let reloads = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < durationMs) {
    const isWatched = changes % watchedEvery === 0;
    const epoch = isWatched ? Math.max(...(await crossover.workerCounter(WORKER.splitEpoch))) : 0;
    // Always another one: a split that stays as it is is no change, and nothing would be seen of it.
    percent = (percent + 1 + (random.nextUint32() % 100)) % 101;
    await putSplit(crossover.controlPort, percent);
    changes++;
    if (isWatched) {
      splitDelaysMs.push(await untilAllPast(crossover, WORKER.splitEpoch, epoch));
      const result = await crossover.reload(reloads % 2 === 0 ? editedConfig(config, random) : config);
      if (!result.ok) throw new Error(`reload refused: ${JSON.stringify(result.problems)}`);
      reloadDelaysMs.push(await untilAllPast(crossover, WORKER.configRevision, result.configRevision - 1));
      reloads++;
      const minute = (performance.now() - startedMs) / 60_000;
      samples.push({ minute, rssBytes: rssBytes(crossover.pid) });
    }
    if (changes % 600 === 0) say(`${changes} changes, ${load.report.answered} answered`);
    await wait(changeEveryMs); // the rate of the changes is the subject
  }
  const report = await load.stop();
  const figures = [
    forInformation('requests', report.sent),
    forInformation('weight changes', changes),
    forInformation('config reloads', reloads),
    atMost('failed or lost', report.failures.length, 0),
    atMost('unaccounted for', unaccounted(report), 0),
    atMost('misrouted or invalid', report.misrouted.length + report.invalid.length, 0),
    atMost('POSTs delivered twice', countDoubledPosts(stage), 0),
    forInformation('weight in force in all workers, median, ms', median(splitDelaysMs)),
    atMost('weight in force in all workers, slowest, ms', Math.max(...splitDelaysMs), 50),
    forInformation('config in force in all workers, median, ms', median(reloadDelaysMs)),
    atMost('config in force in all workers, slowest, ms', Math.max(...reloadDelaysMs), 50),
    memorySlope('memory slope after warm-up, MiB/min', samples),
  ];
  await stopStage(stage);
  return {
    figures,
    notes: [
      `${option('rate')} requests/s; each reload takes a node of X out or back in, and moves a threshold.`,
    ],
  };
}

await runLongForm({
  title: 'Changes under load',
  file: 'test/soak/changes.ts',
  options: { minutes: 10, rate: 2_000 },
  measure,
});
