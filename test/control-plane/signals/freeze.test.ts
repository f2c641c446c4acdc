import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MovedClock, Settings, SignalRig } from '../support/signal-rig.ts';

const hourMs = 3_600_000;
const freeze = (rig: SignalRig, untilMs: number | null = null) =>
  rig.signals.freeze.set({ frozen: true, reason: 'release week', untilMs, actor: 'ana' });
const thaw = (rig: SignalRig) =>
  rig.signals.freeze.set({ frozen: false, reason: 'over', untilMs: null, actor: 'bea' });

test('a freeze holds a start and an advance, with its words, and no revert', (t) => {
  const rig = new SignalRig(t, { yaml: '' });
  freeze(rig);
  rig.start();
  assert.equal(rig.hold, 'freeze: frozen by ana: release week');
  thaw(rig);
  rig.tick();
  assert.equal(rig.state.weightPpm, 10_000);
  freeze(rig);
  rig.tick();
  assert.deepEqual([rig.state.weightPpm, rig.hold], [10_000, 'freeze: frozen by ana: release week']);
  rig.command('revert');
  assert.equal(rig.state.phase, 'reverted');
  assert.deepEqual(
    rig.recorded.filter(({ name }) => /frozen|thawed/.test(name)).map(({ name, actor }) => [name, actor]),
    [
      ['frozen', 'ana'],
      ['thawed', 'bea'],
      ['frozen', 'ana'],
    ],
  );
});

test('a freeze ends by itself when its time has come, and says so', (t) => {
  const rig = new SignalRig(t, { yaml: '' });
  const { untilMs } = freeze(rig, rig.clock.epochMs() + hourMs);
  assert.equal(
    rig.signals.freeze.text(),
    `frozen by ana until ${new Date(Number(untilMs)).toISOString()}: release week`,
  );
  rig.clock.pass(hourMs - 1);
  rig.tick();
  assert.equal(rig.signals.freeze.view.frozen, true);
  rig.clock.pass(1);
  rig.tick();
  assert.equal(rig.signals.freeze.view.frozen, false);
  assert.ok(rig.events.includes('freeze-expired'));
});

test('a freeze is not lifted by a wall clock that jumps ahead, nor brought back by one that jumps back', (t) => {
  const rig = new SignalRig(t, { yaml: '' });
  freeze(rig, rig.clock.epochMs() + hourMs);
  rig.clock.wallMs += 24 * hourMs;
  rig.tick();
  assert.equal(rig.signals.freeze.view.frozen, true);
  rig.clock.wallMs -= 24 * hourMs;
  rig.clock.pass(hourMs);
  rig.tick();
  assert.equal(rig.signals.freeze.view.frozen, false);
  rig.clock.wallMs -= 2 * hourMs;
  rig.tick();
  assert.equal(rig.signals.freeze.view.frozen, false);
});

test('a freeze outlives a restart, with what is left of its time', (t) => {
  const settings = new Settings();
  const first = new SignalRig(t, { yaml: '', settings });
  freeze(first, first.clock.epochMs() + hourMs);
  const clock = new MovedClock();
  clock.monoMs = 5;
  clock.wallMs = first.clock.wallMs + hourMs / 2;
  const second = new SignalRig(t, { yaml: '', settings, clock });
  assert.deepEqual(second.signals.freeze.view, first.signals.freeze.view);
  clock.pass(hourMs / 2);
  second.tick();
  assert.equal(second.signals.freeze.view.frozen, false);
  const third = new SignalRig(t, { yaml: '', settings, clock });
  assert.equal(third.signals.freeze.view.frozen, false, 'its end was kept as well');
});

test('a freeze works while the store does not, and is kept when it is back', (t) => {
  const settings = new Settings();
  const rig = new SignalRig(t, { yaml: '', settings });
  settings.broken = true;
  freeze(rig);
  assert.equal(rig.signals.freeze.view.frozen, true);
  settings.broken = false;
  rig.signals.restore();
  assert.equal(new SignalRig(t, { yaml: '', settings }).signals.freeze.view.frozen, true);
});

test('a freeze in a store that can be read only later is taken up then', (t) => {
  const settings = new Settings();
  freeze(new SignalRig(t, { yaml: '', settings }));
  settings.broken = true;
  const rig = new SignalRig(t, { yaml: '', settings });
  assert.equal(rig.signals.freeze.view.frozen, false);
  settings.broken = false;
  rig.signals.restore();
  assert.equal(rig.signals.freeze.view.frozen, true);
});

const office = `windows:
  timeZone: Europe/Berlin
  allow: [{ days: [mon, tue, wed, thu], from: "09:00", to: "16:00" }]\n`;
const at = (iso: string): MovedClock => {
  const clock = new MovedClock();
  clock.wallMs = Date.parse(iso);
  return clock;
};

test('outside the change windows a start waits, and says until when', (t) => {
  // A Friday; the next window opens on Monday.
  const rig = new SignalRig(t, { yaml: office, clock: at('2026-03-27T11:00:00Z') });
  rig.start();
  assert.equal(
    rig.hold,
    'window: outside the change windows; the next opens Mon 2026-03-30 09:00 Europe/Berlin',
  );
  // Clocks go forward on that Sunday: the window opens at 7:00 UTC, not at 8:00.
  rig.clock.wallMs = Date.parse('2026-03-30T06:59:59Z');
  rig.tick();
  assert.equal(rig.state.phase, 'preflight');
  rig.clock.wallMs = Date.parse('2026-03-30T07:00:00Z');
  rig.tick();
  assert.equal(rig.state.phase, 'ramping');
});

test('an advance waits for the next window, a revert does not', (t) => {
  const rig = new SignalRig(t, { yaml: office, clock: at('2026-03-26T14:59:00Z') });
  rig.start();
  assert.equal(rig.state.weightPpm, 10_000);
  rig.clock.pass(60_000);
  rig.tick();
  assert.match(rig.hold ?? '', /^window: .*Mon 2026-03-30 09:00/);
  rig.command('revert');
  assert.equal(rig.state.phase, 'reverted');
});

test('windows follow the clock wherever it jumps', (t) => {
  const rig = new SignalRig(t, { yaml: office, clock: at('2026-03-27T11:00:00Z') });
  const windowAt = (iso: string) => {
    rig.clock.wallMs = Date.parse(iso);
    const { open, nextOpenMs } = rig.signals.view().window;
    return open ? 'open' : new Date(nextOpenMs ?? 0).toISOString();
  };
  assert.equal(windowAt('2026-03-27T11:00:00Z'), '2026-03-30T07:00:00.000Z');
  assert.equal(windowAt('2026-03-31T10:00:00Z'), 'open');
  assert.equal(windowAt('2026-03-24T01:00:00Z'), '2026-03-24T08:00:00.000Z', 'back before the last search');
  assert.equal(windowAt('2026-03-30T20:00:00Z'), '2026-03-31T07:00:00.000Z', 'past what was found');
});
