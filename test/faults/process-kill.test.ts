// The whole process is killed while its split is being changed: what it resumes is on record, and never more
// than that.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { checkRecordNow } from '#src/record/record-check.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import { authorization, putSplit } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { testConfig } from '../support/crossover-config.ts';
import { chooseSeed } from '../support/load-client.ts';

const kills = 6;

async function percentOnY({ controlPort }: Crossover): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/v1/split`, { headers: { authorization } });
  return ((await response.json()) as { y: number }).y;
}

function assertIntact(file: string): void {
  const db = new DatabaseSync(file);
  assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  db.close();
  const record = openRecordFile(file);
  assert.ok(record.ok);
  const checked = checkRecordNow(record.value);
  record.value.close();
  assert.ok(checked.ok && checked.value.intact, JSON.stringify(checked));
}

test('a process that is killed while its split changes resumes what is on record', async () => {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const random = createRandom(seed);
  const config = testConfig({ x: [1], y: [2] });
  // A raise is answered when it is on record. A smaller split is answered at once: a kill may come before its
  // record.
  let possible = [0];
  for (let round = 0; round <= kills; round++) {
    const crossover = await startCrossover(config);
    try {
      const resumed = await percentOnY(crossover);
      assert.ok(possible.includes(resumed), `round ${round}: ${resumed} % of ${possible.join(', ')}`);
      assertIntact(config.store.sqlite);
      possible = [resumed];
      const changes = 1 + (random.nextUint32() % 20);
      let current = resumed;
      for (let change = 0; change < changes; change++) {
        const percent = random.nextUint32() % 101;
        const isLast = change === changes - 1;
        const answered = putSplit(crossover.controlPort, percent);
        if (isLast) answered.catch(() => {});
        else await answered;
        possible = percent > current && !isLast ? [percent] : [...possible, percent];
        current = percent;
      }
    } finally {
      await crossover.stop();
    }
  }
});
