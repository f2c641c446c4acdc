import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestCorpus, responseCorpus } from '../../fuzz/codec-corpus.ts';
import { type FuzzResult, fuzzRequests, fuzzResponses } from '../../fuzz/codec-differential.ts';
import { readRequest, readResponse } from '../../fuzz/read-message.ts';

const seed = Number(process.env.CODEC_FUZZ_SEED ?? Date.now() >>> 0);

function expectNoDivergence(result: FuzzResult): void {
  const found = result.divergences.map(({ what, input }) => `${what}\n  ${input}`).join('\n');
  assert.equal(found, '', `seed ${seed}`);
}

describe('codec against llhttp', () => {
  it('mutated requests are read as llhttp reads them, or refused, and forwarded as the naive forwarder does', (t) => {
    t.diagnostic(`seed ${seed}`);
    const result = fuzzRequests(seed, 400_000);
    expectNoDivergence(result);
    assert.ok(result.accepted > result.inputs / 10, 'the inputs are worth something');
  });

  it('mutated responses are read as llhttp reads them, or refused, and forwarded as the naive forwarder does', (t) => {
    t.diagnostic(`seed ${seed}`);
    const result = fuzzResponses(seed, 80_000);
    expectNoDivergence(result);
    assert.ok(result.accepted > result.inputs / 10, 'the inputs are worth something');
  });
});

describe('split invariance', () => {
  it('requests of the corpus read the same when they are cut at every byte, and byte by byte', () => {
    for (const bytes of requestCorpus) {
      const whole = readRequest(bytes, [bytes.length]);
      for (let cut = 1; cut < bytes.length; cut++)
        assert.deepEqual(readRequest(bytes, [cut, bytes.length]), whole);
      const single = Array.from(bytes, (_, index) => index + 1);
      assert.deepEqual(readRequest(bytes, single), whole);
    }
  });

  it('responses of the corpus read the same when they are cut at every byte, and byte by byte', () => {
    for (const bytes of responseCorpus) {
      for (const isUpgradeRequest of [false, true]) {
        const read = (cuts: number[]) => readResponse(bytes, cuts, false, isUpgradeRequest);
        const whole = read([bytes.length]);
        for (let cut = 1; cut < bytes.length; cut++) assert.deepEqual(read([cut, bytes.length]), whole);
        assert.deepEqual(read(Array.from(bytes, (_, index) => index + 1)), whole);
      }
    }
  });
});
