// The bytes of the mark: what fits, what is left of a write that was cut short, what is shortened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { decodeMark, encodeMark, type Mark, markBytes, slotOffset } from '#src/record/revert-mark.ts';
import { rampingState, testPlan } from '../control-plane/support/states.ts';

const reverted: RolloutState = {
  phase: 'reverted',
  plan: testPlan,
  weightPpm: 0,
  sinceMs: 3_000,
  fromWeightPpm: 250_000,
  stepIndex: 1,
  cause: { name: 'evidence', text: 'errors 7.6 % on Y against 0.068 % on X' },
};
const change: RolloutChange = {
  name: 'reverted',
  atMs: 1_700_000_000_000,
  actor: 'ana',
  reason: 'because',
  state: reverted,
};
const markOf = (serial: number, some: RolloutChange | null = change): Mark => ({
  serial,
  revision: 1_700_000_000_000 + serial,
  change: some,
  end: { id: 12, hash: 'ab'.repeat(32) },
});

/** A file as it is after these writes, in order. */
function fileOf(...marks: Mark[]): Buffer {
  const file = Buffer.alloc(markBytes, ' ');
  for (const mark of marks) encodeMark(mark).copy(file, slotOffset(mark.serial));
  return file;
}

test('mark is read as it was written, and the newest of two counts', () => {
  assert.deepEqual(decodeMark(fileOf(markOf(1))), markOf(1));
  assert.deepEqual(decodeMark(fileOf(markOf(1), markOf(2))), markOf(2));
  assert.deepEqual(decodeMark(fileOf(markOf(2), markOf(1))), markOf(2));
  assert.deepEqual(decodeMark(fileOf(markOf(1), markOf(2), markOf(3, null))), markOf(3, null));
});

test('mark whose write was cut short anywhere leaves the one before', () => {
  const before = fileOf(markOf(1), markOf(2));
  const after = encodeMark(markOf(3));
  const offset = slotOffset(3);
  for (let written = 0; written < after.length; written += 7) {
    const torn = Buffer.from(before);
    after.copy(torn, offset, 0, written);
    const found = decodeMark(torn);
    const isWhole = torn.subarray(offset, offset + after.length).equals(after);
    assert.deepEqual(found, markOf(isWhole ? 3 : 2), `${written} bytes`);
  }
});

test('mark is not believed when a bit of it is turned, and none is found in what is no mark', () => {
  const file = fileOf(markOf(1));
  for (let bit = 0; bit < 8 * 600; bit += 13) {
    const at = slotOffset(1) + (bit >> 3);
    const turned = Buffer.from(file);
    turned[at] = (turned[at] as number) ^ (1 << (bit & 7));
    const found = decodeMark(turned);
    assert.ok(found === null || JSON.stringify(found) === JSON.stringify(markOf(1)), `bit ${bit}`);
  }
  for (const other of [Buffer.alloc(0), Buffer.alloc(markBytes), Buffer.from('crossover mark 1 9 ab\n{}')])
    assert.equal(decodeMark(other), null);
});

test('mark shortens words that do not fit and keeps every number', () => {
  const long = '🦊'.repeat(500);
  const plan = {
    ...testPlan,
    reason: long,
    stepsPpm: Array.from({ length: 100 }, (_, at) => (at + 1) * 10_000),
  };
  const state: RolloutState = {
    ...reverted,
    plan,
    cause: { name: 'evidence', text: long },
    fromWeightPpm: 123_457,
  };
  const mark = markOf(1, { ...change, reason: long, state });
  const found = decodeMark(fileOf(mark));
  assert.ok(found?.change?.state.phase === 'reverted');
  assert.deepEqual(
    [
      found.revision,
      found.change.state.fromWeightPpm,
      found.change.state.plan.stepsPpm,
      found.change.state.plan.id,
    ],
    [mark.revision, 123_457, plan.stepsPpm, plan.id],
  );
  assert.match(found.change.reason, /^(?:🦊)+…$/u);
});

test('mark leaves out parked routes only when they do not fit, and their names are whole', () => {
  const parked = Array.from({ length: 64 }, (_, slot) => ({
    slot,
    name: `/a/rather/long/route/name/of/its/own/${slot}`,
    sinceMs: 1,
    text: 'errors '.repeat(20),
  }));
  const few = decodeMark(
    fileOf(markOf(1, { ...change, state: { ...rampingState(250_000), parked: parked.slice(0, 3) } })),
  );
  assert.deepEqual(
    few?.change?.state.parked?.map(({ name }) => name),
    parked.slice(0, 3).map(({ name }) => name),
  );
  const many = decodeMark(fileOf(markOf(1, { ...change, state: { ...rampingState(250_000), parked } })));
  assert.deepEqual([many?.change?.state.parked, many?.change?.state.weightPpm], [undefined, 250_000]);
});
