// Answers cut at random points, by length and chunked, by FIN and RST: the client must always see that
// something is missing. By hand:
//   node test/soak/truncation.ts [--cuts N] [--seed N] [--write]
import { createRandom } from '#src/base/random.ts';
import { startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { findUnseenCuts, isSeenAsIncomplete, startCutter, wholeAnswers } from '../support/cut-answers.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, forInformation } from './report.ts';

async function measure({ seed, option, say }: Run): Promise<Measured> {
  const { port, server } = await startCutter();
  const crossover = await startCrossover(
    testConfig({ workers: 2, x: [port], y: [port], health: { ejection: false } }),
  );
  const unseen = await findUnseenCuts(crossover.port, option('cuts'), createRandom(seed));
  for (const target of unseen) say(`not seen as cut: ${target}`);
  const whole = await Promise.all(wholeAnswers.map((target) => isSeenAsIncomplete(crossover.port, target)));
  await crossover.stop();
  server.close();
  const figures = [
    forInformation('answers cut', option('cuts')),
    atMost('of them taken for whole, or waited for in vain', unseen.length, 0),
    // Without it a proxy that cuts everything would pass.
    atMost('whole answers taken for cut', whole.filter(Boolean).length, 0),
  ];
  return {
    figures,
    notes: [
      `${wholeAnswers.length} answers of 1 byte to 300 KB, by length and chunked; half end by FIN, half by RST.`,
    ],
  };
}

await runLongForm({
  title: 'Answers cut short',
  file: 'test/soak/truncation.ts',
  options: { cuts: 10_000 },
  measure,
});
