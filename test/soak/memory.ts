// The soak's mixed load by itself, for as long as memory takes to show whether it stays where it is. By hand:
//   node test/soak/memory.ts [--minutes N] [--rate requests/s] [--seed N] [--write]
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { startStage, stopStage } from './soak-stage.ts';
import { measurePeak, steadyPhase } from './steady-phase.ts';

async function measure(run: Run): Promise<Measured> {
  const stage = await startStage(run.seed);
  const peak = await measurePeak(stage);
  // No rate given: half of what client, proxy and nodes can do together.
  const rate = run.option('rate') || Math.floor(peak / 2);
  run.say(`peak ${Math.round(peak)} requests/s, load ${rate}`);
  const figures = await steadyPhase(stage, rate, run.option('minutes') * 60_000, run);
  await stopStage(stage);
  return { figures, notes: [`Peak ${Math.round(peak)} requests/s, load ${rate} requests/s.`] };
}

await runLongForm({
  title: 'Memory under load',
  file: 'test/soak/memory.ts',
  options: { minutes: 20, rate: 0 },
  measure,
});
