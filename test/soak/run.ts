// The long form of the reliability figures, by hand: mixed load at half of peak, then the same through kills, reloads and
// weight changes, then what is left of each kind of fault once it is over, then a drain.
//   node test/soak/run.ts [--minutes N] [--rate requests/s] [--seed N] [--write]

import { aftermathPhase } from './aftermath-phase.ts';
import { disturbedPhase } from './disturbed-phase.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost } from './report.ts';
import { countDoubledPosts, descriptorsBesidePool, startStage, stopStage } from './soak-stage.ts';
import { measurePeak, steadyPhase } from './steady-phase.ts';

/** How the minutes are spent. */
const steadyShare = 0.4;
const disturbedShare = 0.25;
const aftermathShare = 0.35;

async function measure(run: Run): Promise<Measured> {
  const durationMs = run.option('minutes') * 60_000;
  const stage = await startStage(run.seed);
  const { crossover, cores } = stage;
  const fdsBefore = await descriptorsBesidePool(stage);
  const peak = await measurePeak(stage);
  // No rate given: half of what client, proxy and nodes can do together.
  const rate = run.option('rate') || Math.floor(peak / 2);
  run.say(`peak ${Math.round(peak)} requests/s, soaking at ${rate}`);
  const steady = await steadyPhase(stage, rate, steadyShare * durationMs, run);
  const disturbed = await disturbedPhase(stage, rate, disturbedShare * durationMs, run);
  const aftermath = await aftermathPhase(stage, rate, aftermathShare * durationMs, run);
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
  options: { minutes: 10, rate: 0 },
  measure,
});
