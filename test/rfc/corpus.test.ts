// Crossover, as a black box on a port, against every wire case; and the judge itself against a proxy known to
// be careless.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCorpus, runCases } from './lane.ts';
import { printResults } from './table.ts';

const corpus = readCorpus();
const looseMax = 10;
/** The fallback transport shares everything but the sockets with the raw one: every third case will do. */
const fallbackShare = 3;

describe('wire corpus', { concurrency: false }, () => {
  it('has the breadth it claims', () => {
    assert.ok(corpus.length >= 400, `${corpus.length} cases`);
  });

  it('finds Crossover right or at least safe in every case', async () => {
    const results = await runCases('crossover', corpus);
    const table = printResults('crossover', results);
    console.log(table);
    assert.equal(results.length, corpus.length);
    assert.equal(results.filter(({ grade }) => grade === 'FAIL').length, 0, table);
    assert.ok(results.filter(({ grade }) => grade === 'LOOSE').length <= looseMax, table);
  });

  it('finds Crossover right on the fallback transport', async () => {
    const cases = corpus.filter((_, index) => index % fallbackShare === 0);
    const results = await runCases('crossover-stream', cases);
    const fails = results.filter(({ grade }) => grade === 'FAIL');
    assert.equal(fails.length, 0, printResults('crossover on net.Socket', fails));
  });

  it('fails a proxy that forwards whatever comes', async () => {
    const smuggling = corpus.filter(
      ({ file, name }) =>
        file === 'smuggling.wire' && /together are refused|exactly chunked|several Transfer/.test(name),
    );
    const results = await runCases('naive', smuggling);
    const passed = results.filter(({ grade }) => grade === 'OK');
    assert.ok(smuggling.length > 20);
    assert.equal(passed.length, 0, printResults('naive', passed));
  });
});
