// Two hundred ways for a process to end around a change of its split, on disks that are full, read-only,
// hanging or gone, and a start after each. By hand:
//   node test/soak/revert-campaign.ts [--points N] [--at-a-time N] [--seed N] [--write]
import { describePoint, drawPoints, type Result, runCampaign } from '../support/revert-campaign.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atLeast, forInformation } from './report.ts';

async function measure({ seed, option, say }: Run): Promise<Measured> {
  const results: Result[] = [];
  const points = option('points');
  await runCampaign(drawPoints(points, seed), option('at-a-time'), (result, index) => {
    results.push(result);
    say(`${results.length}/${points}  ${index}: ${describePoint(result.point)}`);
  });
  const count = (matches: (result: Result) => boolean): number => results.filter(matches).length;
  return {
    figures: [
      atLeast('points that held', results.length, points),
      forInformation(
        'changes answered as recorded',
        count(({ answer }) => answer?.recorded === true),
      ),
      forInformation(
        'changes made and answered as not recorded',
        count(({ answer }) => answer?.status === 200 && !answer.recorded),
      ),
      forInformation(
        'processes that ended before they could answer',
        count(({ answer }) => answer === null),
      ),
    ],
    notes: [
      'Each point changes the split of a process whose disk fails, ends it, and starts it again, in a third of them twice. Held: no process gave Y more than was acknowledged last, the last one exactly that once its disk was well, with its record intact.',
    ],
  };
}

await runLongForm({
  title: 'Reverts over restarts',
  file: 'test/soak/revert-campaign.ts',
  options: { points: 200, 'at-a-time': 2 },
  measure,
});
