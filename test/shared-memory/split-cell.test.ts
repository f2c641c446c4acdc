import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createSplitMemory, SplitCell } from '#src/shared-memory/split-cell.ts';

describe('SplitCell', () => {
  it('starts with everything on X', () => {
    assert.deepEqual(new SplitCell(createSplitMemory()).read(), { epoch: 0, weightPpm: 0, salt: 0 });
  });

  it('remembers the weights of past epochs', () => {
    const cell = new SplitCell(createSplitMemory());
    const epochs = [10_000, 50_000, 250_000].map((weight) => cell.publish(weight, 9));
    assert.deepEqual(
      epochs.map((epoch) => cell.weightPpmAt(epoch)),
      [10_000, 50_000, 250_000],
    );
    assert.equal(cell.read().weightPpm, 250_000);
  });

  it('refuses weights that are out of range', () => {
    const cell = new SplitCell(createSplitMemory());
    for (const weight of [-1, 1_000_001, 0.5, Number.NaN])
      assert.throws(() => cell.publish(weight, 0), /out of range/);
    assert.equal(cell.epoch(), 0);
  });

  it('never shows a reader a weight of another epoch while it is written', async () => {
    const memory = createSplitMemory();
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const { SplitCell } = await import(workerData.module);
      const cell = new SplitCell(workerData.memory);
      let reads = 0, torn = 0;
      while (cell.epoch() < workerData.last) {
        const { epoch, weightPpm, salt } = cell.read();
        if (epoch > 0 && (weightPpm !== epoch % 1000000 || salt !== epoch)) torn++;
        reads++;
      }
      parentPort.postMessage({ reads, torn });`;
    const module = new URL('../../src/shared-memory/split-cell.ts', import.meta.url).href;
    const last = 200_000;
    const worker = new Worker(`(async () => { ${source} })()`, {
      eval: true,
      workerData: { memory, module, last },
    });
    const report = new Promise<{ reads: number; torn: number }>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const cell = new SplitCell(memory);
    await new Promise((resolve) => worker.once('online', resolve));
    // Writing goes on in slices: the reader must have started, and a whole ring must not pass within one of
    // its reads.
    for (let epoch = 1; epoch <= last; epoch++) {
      cell.publish(epoch % 1_000_000, epoch);
      if (epoch % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { torn } = await report;
    assert.equal(torn, 0);
  });
});
