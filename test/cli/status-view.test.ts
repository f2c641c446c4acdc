import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusLines } from '#src/cli/status-view.ts';
import { createStyle } from '#src/cli/style.ts';
import type { StatusView } from '#src/control-plane/status.ts';
import { exampleStatus, inPhase } from './example-status.ts';

const page = (status: StatusView): string =>
  statusLines(status, { style: createStyle(false), columns: 200 }).join('\n');

test('the status says what a start waits for when its checks have passed', () => {
  const status = inPhase('preflight');
  assert.match(page(status), /Checking whether a rollout may start\./);
  const hold = { name: 'gate', text: 'gate cab holds: not before noon' } as const;
  assert.match(page({ ...status, hold }), /Waits to start: gate cab holds: not before noon/);
});

test('the status shows a freeze with its words, whatever else holds', () => {
  assert.doesNotMatch(page(exampleStatus), /frozen/);
  const freeze = {
    frozen: true,
    reason: 'release week',
    actor: 'Ada',
    sinceMs: 0,
    untilMs: 1_767_787_200_000,
  };
  const shown = page({ ...exampleStatus, signals: { ...exampleStatus.signals, freeze } });
  assert.match(
    shown,
    /Trouble +Starts and advances are frozen by Ada until 2026-01-07T12:00:00\.000Z: release week\./,
  );
  assert.match(shown, /needs about 480 more requests/);
});
