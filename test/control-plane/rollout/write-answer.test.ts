import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCallbacks } from '#src/control-plane/rollout/write-answer.ts';
import { done } from '#src/record/store-result.ts';

const problem = { kind: 'hanging', text: 'The store does not answer.' } as const;
const refused = { ok: false, problem } as const;

type Call = 'answered kept' | 'answered not kept' | 'settled' | 'not settled';

/** In which order a store calls back, and what it says by that. */
const courses: readonly (readonly [calls: readonly Call[], told: readonly string[]])[] = [
  [['answered kept', 'settled'], ['kept']],
  [['answered not kept', 'not settled'], ['refused']],
  [['not settled'], ['overdue']],
  [
    ['not settled', 'answered kept'],
    ['overdue', 'kept'],
  ],
  [
    ['not settled', 'answered not kept'],
    ['overdue', 'refused'],
  ],
];

for (const [calls, told] of courses) {
  test(`a write that is ${calls.join(', ')} is ${told.join(', then ')}`, () => {
    const heard: string[] = [];
    const { settle, answered } = writeCallbacks((answer) => {
      heard.push(answer.kind);
      if (answer.kind !== 'kept') assert.equal(answer.problem, problem);
    });
    for (const call of calls) {
      if (call === 'settled' || call === 'not settled') settle(call === 'settled' ? done : refused);
      else answered(call === 'answered kept');
    }
    assert.deepEqual(heard, told);
  });
}
