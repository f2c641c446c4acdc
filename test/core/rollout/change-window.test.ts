import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ChangeWindow,
  type ChangeWindows,
  formatLocal,
  isTimeZone,
  isWindowOpen,
  nextOpeningMs,
} from '#src/core/rollout/change-window.ts';

const at = (iso: string): number => Date.parse(iso);
const hours = (days: readonly number[], from: number, to: number): ChangeWindow => ({
  days,
  fromMinute: Math.round(from * 60),
  toMinute: Math.round(to * 60),
});
const zone = (timeZone: string, ...allow: ChangeWindow[]): ChangeWindows => ({ timeZone, allow });
const weekdays = [1, 2, 3, 4, 5];

test('a change window is always open when none is configured', () => {
  assert.equal(isWindowOpen(zone('UTC'), at('2026-03-01T03:00:00Z')), true);
});

test('a change window opens and closes at its minutes in its zone', () => {
  const windows = zone('Europe/Berlin', hours(weekdays, 9, 16));
  // Monday 2026-01-05; Berlin is one hour ahead of UTC in winter, two in summer.
  assert.equal(isWindowOpen(windows, at('2026-01-05T07:59:59.999Z')), false);
  assert.equal(isWindowOpen(windows, at('2026-01-05T08:00:00Z')), true);
  assert.equal(isWindowOpen(windows, at('2026-01-05T14:59:59.999Z')), true);
  assert.equal(isWindowOpen(windows, at('2026-01-05T15:00:00Z')), false);
  assert.equal(isWindowOpen(windows, at('2026-07-06T07:00:00Z')), true);
  assert.equal(isWindowOpen(windows, at('2026-07-06T14:00:00Z')), false);
  assert.equal(isWindowOpen(windows, at('2026-01-04T10:00:00Z')), false, 'Sunday');
});

test('a change window past midnight belongs to the day on which it opens', () => {
  const windows = zone('UTC', hours([5], 22, 4));
  assert.equal(isWindowOpen(windows, at('2026-01-09T21:59:00Z')), false, 'Friday evening');
  assert.equal(isWindowOpen(windows, at('2026-01-09T22:00:00Z')), true);
  assert.equal(isWindowOpen(windows, at('2026-01-10T03:59:00Z')), true, 'Saturday morning');
  assert.equal(isWindowOpen(windows, at('2026-01-10T04:00:00Z')), false);
  assert.equal(isWindowOpen(windows, at('2026-01-10T22:00:00Z')), false, 'Saturday evening');
});

test('a change window until midnight, and one of the whole day, have no gap', () => {
  const late = zone('UTC', hours([1], 20, 24));
  assert.equal(isWindowOpen(late, at('2026-01-05T23:59:59Z')), true);
  assert.equal(isWindowOpen(late, at('2026-01-06T00:00:00Z')), false);
  const whole = zone('Asia/Kolkata', hours([1], 0, 24));
  assert.equal(nextOpeningMs(whole, at('2026-01-04T00:00:00Z')), at('2026-01-04T18:30:00Z'));
});

test('the next opening is found over the weekend and across both changes of the clock', () => {
  const windows = zone('Europe/Berlin', hours(weekdays, 9, 16));
  assert.equal(nextOpeningMs(windows, at('2026-01-09T15:00:00Z')), at('2026-01-12T08:00:00Z'));
  // Clocks go forward on Sunday 2026-03-29 and back on Sunday 2026-10-25.
  assert.equal(nextOpeningMs(windows, at('2026-03-27T16:00:00Z')), at('2026-03-30T07:00:00Z'));
  assert.equal(nextOpeningMs(windows, at('2026-10-23T15:00:00Z')), at('2026-10-26T08:00:00Z'));
});

test('a window that begins in the hour a spring night lacks opens when that hour is over', () => {
  const windows = zone('Europe/Berlin', hours([0], 2.5, 5));
  assert.equal(isWindowOpen(windows, at('2026-03-29T00:59:59Z')), false);
  assert.equal(isWindowOpen(windows, at('2026-03-29T01:00:00Z')), true, '03:00 summer time');
  assert.equal(nextOpeningMs(windows, at('2026-03-28T12:00:00Z')), at('2026-03-29T01:00:00Z'));
});

test('a window that lies within the hour a spring night lacks opens a week later', () => {
  const windows = zone('Europe/Berlin', hours([0], 2, 3));
  assert.equal(nextOpeningMs(windows, at('2026-03-28T12:00:00Z')), at('2026-04-05T00:00:00Z'));
});

test('a window in the hour an autumn night has twice is open both times', () => {
  const windows = zone('Europe/Berlin', hours([0], 2, 3));
  for (const iso of ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'])
    assert.equal(isWindowOpen(windows, at(iso)), true, iso);
  assert.equal(isWindowOpen(windows, at('2026-10-25T02:00:00Z')), false);
});

test('the next opening agrees with a minute-by-minute search', () => {
  const windows = zone('Australia/Lord_Howe', hours([0, 3], 1.75, 2.25), hours([6], 23.5, 0.25));
  const minuteMs = 60_000;
  for (const iso of ['2026-04-04T00:07:00Z', '2026-10-03T05:59:59Z', '2026-06-01T00:00:00Z']) {
    let expected = (Math.floor(at(iso) / minuteMs) + 1) * minuteMs;
    while (!isWindowOpen(windows, expected)) expected += minuteMs;
    assert.equal(nextOpeningMs(windows, at(iso)), expected, iso);
  }
});

test('the answer depends on the moment alone when the clock jumps back and forth', () => {
  const windows = zone('America/New_York', hours([2], 10, 11));
  const inside = at('2026-01-06T15:30:00Z');
  const moments = [inside, inside + 7.2e6, inside, inside - 9e9, inside];
  assert.deepEqual(
    moments.map((ms) => isWindowOpen(windows, ms)),
    [true, false, true, false, true],
  );
});

test('times are told in the zone, and unknown zones are known as such', () => {
  assert.equal(
    formatLocal('Europe/Berlin', at('2026-07-06T07:00:00Z')),
    'Mon 2026-07-06 09:00 Europe/Berlin',
  );
  assert.equal(isTimeZone('Europe/Berlin'), true);
  assert.equal(isTimeZone('Europe/Berlinn'), false);
  assert.equal(isTimeZone(''), false);
});
