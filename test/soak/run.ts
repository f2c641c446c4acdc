// The long form of the reliability figures, by hand: mixed load at half of peak, then the same through kills,
// reloads and weight changes, then what is left of each kind of fault once it is over, then a drain.
//   node test/soak/run.ts [--steady minutes] [--disturbed minutes] [--aftermath minutes] [--rate requests/s]
//     [--seed N] [--write] Half an hour steady is about 10^7 requests; 16 minutes of aftermath leave a minute
//     on each side of each kind of fault.

import { aftermathPhase } from './aftermath-phase.ts';
import { disturbedPhase } from './disturbed-phase.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost } from './report.ts';
import { countDoubledPosts, descriptorsBesidePool, startStage, stopStage } from './soak-stage.ts';
import { measurePeak, steadyPhase } from './steady-phase.ts';

const minuteMs = 60_000;

async function measure(run: Run): Promise<Measured> {
  const durationMs = (phase: string): number => run.option(phase) * minuteMs;
  const stage = await startStage(run.seed);
  const { crossover, cores } = stage;
  const fdsBefore = await descriptorsBesidePool(stage);
  const peak = await measurePeak(stage);
  // No rate given: half of what client, proxy and nodes can do together.
  const rate = run.option('rate') || Math.floor(peak / 2);
  run.say(`peak ${Math.round(peak)} requests/s, soaking at ${rate}`);
  const steady = await steadyPhase(stage, rate, durationMs('steady'), run);
  const disturbed = await disturbedPhase(stage, rate, durationMs('disturbed'), run);
  const aftermath = await aftermathPhase(stage, rate, durationMs('aftermath'), run);
  const fdsAfter = await descriptorsBesidePool(stage);
  const { cutExchanges } = (await crossover.order({ type: 'drain' })) as { cutExchanges: number };
  const figures = [
    ...steady,
    ...disturbed,
    ...aftermath,
    atMost('POSTs delivered twice', countDoubledPosts(stage), 0),
    atMost('descriptors more than before all of it', fdsAfter - fdsBefore, 5),
    atMost('drain: exchanges cut', cutExchanges, 0),
  ];
  await stopStage(stage);
  const placing =
    cores === null ? 'share the machine' : `run on core ${cores.load}, the proxy on core ${cores.proxy}`;
  const notes = [
    `Load generator and six upstream nodes ${placing}. Peak ${Math.round(peak)} requests/s, load ${rate} requests/s.`,
    'In the third part half of the load goes to the proxy and half to a twin that no fault befalls; “p99” and “memory” are the proxy against its twin over the same seconds, after the fault against before. “After nothing” is the same without a fault: what such figures differ by on this machine anyway.',
  ];
  return { figures, notes };
}

await runLongForm({
  title: 'Soak',
  file: 'test/soak/run.ts',
  options: { steady: 4, disturbed: 3, aftermath: 4, rate: 0 },
  measure,
});
