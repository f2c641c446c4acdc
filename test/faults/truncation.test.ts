// A slice of the answers cut at random points; the long run is test/soak/truncation.ts.
import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { findUnseenCuts, isSeenAsIncomplete, startCutter, wholeAnswers } from '../support/cut-answers.ts';
import { chooseSeed } from '../support/load-client.ts';

const cuts = 400;

describe('an answer cut short', { concurrency: false }, () => {
  let server: Server;
  let crossover: Crossover;
  before(async () => {
    const cutter = await startCutter();
    server = cutter.server;
    const nodes = { x: [cutter.port], y: [cutter.port] };
    crossover = await startCrossover(testConfig({ ...nodes, health: { ejection: false } }));
  });
  after(async () => {
    await crossover?.stop();
    server?.close();
  });

  it('always looks incomplete to the client', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    assert.deepEqual(await findUnseenCuts(crossover.port, cuts, createRandom(seed)), []);
  });

  it('is told apart from a whole one', async () => {
    for (const target of wholeAnswers) assert.equal(await isSeenAsIncomplete(crossover.port, target), false);
  });
});
