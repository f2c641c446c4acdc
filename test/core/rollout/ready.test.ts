import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { type Ready, readyOf } from '#src/core/rollout/ready.ts';
import type { RolloutEffect, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';

const idle: RolloutState = { phase: 'idle', weightPpm: 0 };
const atMs = 1_700_000_000_000;

const transition = (name: Transition['name']): Transition => ({
  atMs: 0,
  name,
  from: idle,
  to: idle,
  actor: 'tester',
  reason: '',
  evidence: null,
});
const persist = (name: Transition['name']): RolloutEffect => ({
  type: 'persist',
  transition: transition(name),
});
const notify = (name: Transition['name']): RolloutEffect => ({
  type: 'notify',
  transition: transition(name),
});
const publish = (percent: number): RolloutEffect => ({
  type: 'publish',
  weightPpm: percent * 10_000,
  salt: 1,
});
const resetStep: RolloutEffect = { type: 'reset-step-analysis', nextWeightPpm: 500_000 };
const unpark: RolloutEffect = { type: 'unpark-route', slot: 3, name: 'orders' };
const parkRoute: RolloutEffect = { type: 'park-route', slot: 3, name: 'orders' };

const nameOf = (effect: RolloutEffect): string => {
  if (effect.type === 'publish') return `publish ${effect.weightPpm / 10_000}`;
  return 'transition' in effect ? `${effect.type} ${effect.transition.name}` : effect.type;
};

const shown = ({ atOnce, recordFirst, onceRecorded }: Ready): string =>
  [
    ...atOnce.map(nameOf),
    ...(recordFirst === null ? [] : [`| ${recordFirst.name} |`]),
    ...onceRecorded.map(nameOf),
  ].join(', ');

/**
 * Effects, Y's published share in percent, and the same cut: what must be on record first stands between
 * bars.
 */
const cases: readonly [name: string, effects: RolloutEffect[], publishedPercent: number, cut: string][] = [
  [
    'an advance',
    [persist('step'), resetStep, publish(25), notify('step')],
    10,
    '| step |, reset-step-analysis, publish 25, notify step',
  ],
  [
    'a revert',
    [publish(0), unpark, persist('reverted'), notify('reverted')],
    25,
    'publish 0, unpark-route, persist reverted, notify reverted',
  ],
  [
    'a split that is lowered by hand',
    [publish(5), persist('split-set'), notify('split-set')],
    25,
    'publish 5, persist split-set, notify split-set',
  ],
  [
    'a split that is raised by hand',
    [persist('split-set'), publish(30), notify('split-set')],
    25,
    '| split-set |, publish 30, notify split-set',
  ],
  [
    'a split that stays as it is published',
    [persist('recovered'), publish(25), notify('recovered')],
    25,
    'persist recovered, publish 25, notify recovered',
  ],
  [
    'a split that is lowered first and raised again',
    [publish(0), persist('recovered'), publish(5), notify('recovered')],
    25,
    'publish 0, | recovered |, publish 5, notify recovered',
  ],
  ['a start', [persist('started'), notify('started')], 0, '| started |, notify started'],
  [
    'a route that is parked',
    [parkRoute, persist('route-parked'), notify('route-parked')],
    25,
    'park-route, persist route-parked, notify route-parked',
  ],
  [
    'a route that goes back into the split',
    [persist('route-unparked'), unpark, resetStep, notify('route-unparked')],
    25,
    '| route-unparked |, unpark-route, reset-step-analysis, notify route-unparked',
  ],
  ['a pause', [persist('paused'), notify('paused')], 25, 'persist paused, notify paused'],
  ['another reason to hold', [], 25, ''],
];

for (const [name, effects, publishedPercent, cut] of cases) {
  test(`readiness of ${name} is "${cut}"`, () => {
    assert.equal(shown(readyOf({ state: idle, effects }, publishedPercent * 10_000, atMs)), cut);
  });
}

test('readiness gives every transition the time of the wall clock', () => {
  const effects = [persist('step'), publish(25), notify('step')];
  const { recordFirst, onceRecorded } = readyOf({ state: idle, effects }, 0, atMs);
  const told = onceRecorded.flatMap((effect) => ('transition' in effect ? [effect.transition.atMs] : []));
  assert.deepEqual([recordFirst?.atMs, ...told], [atMs, atMs]);
});

test('readiness takes the checks before a start out of the order, and runs them only in preflight', () => {
  const effects: RolloutEffect[] = [persist('started'), { type: 'run-preflight' }, notify('started')];
  const inPreflight = { phase: 'preflight', weightPpm: 0, sinceMs: 0, plan: {} } as unknown as RolloutState;
  const ready = readyOf({ state: inPreflight, effects }, 0, atMs);
  assert.deepEqual([shown(ready), ready.startsChecks], ['| started |, notify started', true]);
  assert.equal(readyOf({ state: idle, effects }, 0, atMs).startsChecks, false);
  assert.equal(readyOf({ state: inPreflight, effects: [] }, 0, atMs).startsChecks, false);
});

test('readiness never publishes a higher share at once after the transition that it belongs to', () => {
  const seed = Date.now() >>> 0;
  const random = createRandom(seed);
  const pool = [publish(0), publish(5), publish(50), persist('step'), persist('paused'), unpark, resetStep];
  for (let round = 0; round < 2_000; round++) {
    const length = random.nextUint32() % 6;
    const effects = Array.from({ length }, () => pool[random.nextUint32() % pool.length] as RolloutEffect);
    const publishedPpm = (random.nextUint32() % 101) * 10_000;
    const ready = readyOf({ state: idle, effects }, publishedPpm, atMs);
    const { atOnce, recordFirst, onceRecorded } = ready;
    const count = atOnce.length + onceRecorded.length + (recordFirst === null ? 0 : 1);
    assert.equal(count, effects.length, `seed ${seed}, round ${round}: nothing is lost`);
    let weightPpm = publishedPpm;
    let recordedMaxPpm = Number.POSITIVE_INFINITY;
    for (const effect of atOnce) {
      if (effect.type === 'persist') recordedMaxPpm = Math.min(recordedMaxPpm, weightPpm);
      if (effect.type !== 'publish') continue;
      weightPpm = effect.weightPpm;
      assert.ok(weightPpm <= recordedMaxPpm, `seed ${seed}, round ${round}: ${shown(ready)}`);
    }
  }
});
