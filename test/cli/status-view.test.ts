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

test('the status shows parked routes, and does not call X dispensable while there are any', () => {
  const completed = inPhase('completed');
  assert.match(page(completed), /X may be taken down/);
  const text = 'route users: errors 50 % on Y against 0.1 % on X over 40 and 360 requests';
  const parked = [{ name: 'users', slot: 0, sinceMs: 0, text }];
  const shown = page({ ...completed, rollout: { ...completed.rollout, parked } });
  assert.doesNotMatch(shown, /taken down/);
  assert.match(shown, /Trouble +Parked on X: route users: errors 50 % on Y/);
});
