import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BreakerNotes } from '#src/control-plane/events/breaker-notes.ts';

function notes() {
  const texts: string[] = [];
  const told = new BreakerNotes({
    add: ({ name, text, actor = 'crossover', detail = null }) => {
      texts.push(`${name}: ${text}`);
      return { id: texts.length, atMs: 0, name, text, actor, detail };
    },
  });
  return { told, texts };
}

const completed = { phase: 'completed', weightPpm: 1_000_000 } as const;

test('breaker notes tell once that Y lost its share after a completion, and once that it has it again', () => {
  const { told, texts } = notes();
  for (const openMs of [0, 2_999, 3_000, 3_250, 60_000, 0, 0]) told.observe(openMs, completed);
  assert.deepEqual(texts, [
    "breaker-opened: Y's breaker has been open in all workers for 3 s: Y's share goes to X. X must not be taken down.",
    "breaker-closed: Y's breaker has closed: Y gets its share again.",
  ]);
});

test('breaker notes tell of a split set by hand, and nothing where Y has no share or a rollout is reverted instead', () => {
  const { told, texts } = notes();
  told.observe(5_000, { phase: 'idle', weightPpm: 0 });
  told.observe(5_000, { phase: 'ramping', weightPpm: 250_000 });
  told.observe(5_000, { phase: 'reverted', weightPpm: 0 });
  assert.deepEqual(texts, []);
  told.observe(5_000, { phase: 'idle', weightPpm: 250_000 });
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? '', /goes to X\.$/);
});

test('breaker notes tell that it no longer matters when Y has lost its share meanwhile', () => {
  const { told, texts } = notes();
  told.observe(3_000, completed);
  told.observe(0, { phase: 'reverted', weightPpm: 0 });
  assert.match(texts[1] ?? '', /^breaker-closed: .*no longer matters/);
});
