// A revert that was acknowledged as recorded is one after every restart; the long form is
// test/soak/revert-campaign.ts.
import { test } from 'node:test';
import { chooseSeed } from '../support/load-client.ts';
import { drawPoints, runCampaign } from '../support/revert-campaign.ts';

const points = 40;
/** Most of a point is waiting for disks that do not answer. */
const atATime = 4;

test('what was acknowledged is so after every end of the process, on every disk', {
  skip: process.platform !== 'linux',
}, async () => {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  await runCampaign(drawPoints(points, seed), atATime, () => {});
});
