import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerRates } from '#src/control-plane/traffic/answer-rates.ts';
import { ANSWER, answerOffset, X, Y } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { add } from '../support/counters.ts';

test('answer rates are those of all workers and statuses over the last ten seconds', () => {
  const memory = createSharedMemory(2);
  const rates = new AnswerRates(memory);
  add(memory, 0, answerOffset(X) + ANSWER.status + 200, 1_000_000);
  rates.observe(5_000);
  assert.deepEqual(rates.read(), { x: 0, y: 0 });
  for (let nowMs = 5_250; nowMs <= 8_000; nowMs += 250) {
    add(memory, 0, answerOffset(X) + ANSWER.status + 200, 10);
    add(memory, 1, answerOffset(X) + ANSWER.status + 503, 5);
    add(memory, 1, answerOffset(Y) + ANSWER.status + 101, 1);
    rates.observe(nowMs);
  }
  assert.deepEqual(rates.read(), { x: 60, y: 4 });
  for (let nowMs = 8_250; nowMs <= 30_000; nowMs += 250) rates.observe(nowMs);
  assert.deepEqual(rates.read(), { x: 0, y: 0 });
});
