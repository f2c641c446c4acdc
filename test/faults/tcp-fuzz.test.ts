// A slice of the mutation fuzz over the socket; the long run is test/soak/tcp-fuzz.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { FuzzBed } from '../soak/tcp-fuzz.ts';
import { chooseSeed } from '../support/load-client.ts';
import { rssBytes } from '../support/proc.ts';

const inputs = 40_000;
/**
 * With the first inputs the proxy compiles its code and fills its pools: up to 36 MiB, of which 2,000 inputs
 * are only a part.
 */
const warmupInputs = 20_000;
const MiB = 1024 * 1024;

describe('mutated requests over the socket', () => {
  it('crash nothing, hang nothing, and reach no upstream but as plain HTTP/1.1', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const random = createRandom(seed);
    const bed = await FuzzBed.start();
    await bed.throwInputs(warmupInputs, random);
    const fdsBefore = await bed.settledDescriptors();
    const rssBefore = rssBytes(bed.crossover.pid);
    await bed.throwInputs(inputs - warmupInputs, random);
    const fdGrowth = (await bed.settledDescriptors()) - fdsBefore;
    const rssGrowth = rssBytes(bed.crossover.pid) - rssBefore;
    const crash = bed.crossover.problem();
    await bed.stop();
    assert.equal(crash, null);
    assert.deepEqual(bed.hangs, []);
    assert.deepEqual(bed.upstream.problems, []);
    assert.equal(bed.victimsWronged, 0, `of ${bed.victims} victims`);
    assert.ok(bed.upstream.requests > inputs / 10, `${bed.upstream.requests} requests were served`);
    assert.ok(rssGrowth < 32 * MiB, `${rssGrowth} bytes of growth`);
    assert.ok(Math.abs(fdGrowth) <= 5, `${fdGrowth} descriptors more`);
  });
});
