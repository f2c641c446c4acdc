// A slice of the mutation fuzz over the socket; the long run is test/soak/tcp-fuzz.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from '../soak/tcp-fuzz.ts';
import { chooseSeed } from '../support/load-client.ts';

const inputs = 40_000;
const MiB = 1024 * 1024;

describe('mutated requests over the socket', () => {
  it('crash nothing, hang nothing, and reach no upstream but as plain HTTP/1.1', async () => {
    const seed = chooseSeed();
    console.log(`seed ${seed}`);
    const report = await fuzz(inputs, seed);
    assert.equal(report.crash, null);
    assert.deepEqual(report.hangs, []);
    assert.deepEqual(report.upstreamProblems, []);
    assert.equal(report.victimsWronged, 0, `of ${report.victims} victims`);
    assert.ok(report.requestsServed > inputs / 10, `${report.requestsServed} requests were served`);
    assert.ok(report.rssGrowthBytes < 32 * MiB, `${report.rssGrowthBytes} bytes of growth`);
    assert.ok(report.fdGrowth <= 40, `${report.fdGrowth} descriptors more`);
  });
});
