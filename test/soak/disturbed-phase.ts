// The soak's second phase: the same load while something breaks every few seconds, drawn at random. What may
// fail is what was under way on the thread or node that died.
import { setTimeout as wait } from 'node:timers/promises';
import { createRandom } from '#src/base/random.ts';
import type { Run } from './long-form.ts';
import { atMost, type Figure, forInformation } from './report.ts';
import {
  configReload,
  connections,
  controlKill,
  createLoad,
  type Disturbance,
  nodeKill,
  type Stage,
  weightChange,
  workerKill,
} from './soak-stage.ts';
import { unaccounted } from './steady-phase.ts';

const disturbances: readonly Disturbance[] = [workerKill, controlKill, nodeKill, weightChange, configReload];
const pauseMsMin = 500;
const pauseMsSpread = 1_500;

export async function disturbedPhase(
  stage: Stage,
  rate: number,
  durationMs: number,
  run: Run,
): Promise<Figure[]> {
  const random = createRandom(stage.seed + 2);
  const counts = new Map<string, number>();
  const load = createLoad(stage, { requestsPerSecond: rate, seed: stage.seed + 2 }).start();
  const deadlineMs = performance.now() + durationMs;
  while (performance.now() < deadlineMs) {
    const disturbance = disturbances[random.nextUint32() % disturbances.length] as Disturbance;
    await disturbance.happen(stage, random);
    counts.set(disturbance.name, (counts.get(disturbance.name) ?? 0) + 1);
    run.say(`disturbed: ${disturbance.name}, ${load.report.answered} answered, ${load.report.lost} lost`);
    await wait(pauseMsMin + (random.nextUint32() % pauseMsSpread));
  }
  const report = await load.stop();
  const failures = report.failures.filter(({ what }) => what !== 'lost');
  // A POST that a dying node may have taken is not sent again.
  const isAllowed = ({ what, method }: { what: string; method: string }) =>
    what === '502' && method === 'POST';
  return [
    forInformation('disturbed: requests', report.sent),
    ...[...counts].map(([name, count]) => forInformation(`disturbed: times ${name}`, count)),
    atMost('disturbed: unaccounted for', unaccounted(report), 0),
    atMost('disturbed: misrouted or invalid', report.misrouted.length + report.invalid.length, 0),
    atMost(
      'disturbed: lost with a killed worker',
      report.lost,
      connections * (counts.get(workerKill.name) ?? 0),
    ),
    atMost(
      'disturbed: 502 of POSTs on killed nodes',
      failures.filter(isAllowed).length,
      connections * (counts.get(nodeKill.name) ?? 0),
    ),
    atMost('disturbed: other failures', failures.filter((failure) => !isAllowed(failure)).length, 0),
  ];
}
