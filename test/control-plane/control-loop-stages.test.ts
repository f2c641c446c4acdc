// The stages of a tick and of what follows a transition, in order: control-loop.ts is where they are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlLoop, type ControlLoopPorts } from '#src/control-plane/control-loop.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { Signals } from '#src/core/rollout/signals.ts';
import { badRouteVerdict, rampingState, testPlan } from './support/states.ts';

const nowMs = 7_000;
const sample = { atMs: nowMs, dtMs: 250, epochs: [] };
const verdict = badRouteVerdict('orders', 3);
const signals: Signals = {
  freeze: null,
  window: null,
  metrics: { hold: null, revert: null },
  gates: { forStart: 'open', forStep: 'open', forFull: 'open', forComplete: 'open' },
};
const before = rampingState(100_000);
const after = rampingState(250_000);

/** Ports that write down what is asked of them. */
function ports(log: string[]): { readonly ports: ControlLoopPorts; readonly events: RolloutEvent[] } {
  let state: RolloutState = before;
  const events: RolloutEvent[] = [];
  const noting = (name: string) => (atMs: number) => log.push(`${name} ${atMs}`);
  return {
    events,
    ports: {
      clock: { monotonicMs: () => nowMs, epochMs: () => 1 },
      source: {
        sample: (atMs) => {
          log.push(`sample ${atMs}`);
          return sample;
        },
      },
      assessor: {
        update: (taken) => log.push(`update ${taken === sample}`),
        assess: ({ weightPpm }) => {
          log.push(`assess at ${weightPpm}`);
          return verdict;
        },
        slowThresholdMs: () => 0,
        suspectGroups: [],
      },
      breakers: {
        openMs: (atMs) => {
          log.push(`breakers ${atMs}`);
          return 500;
        },
      },
      nodes: { usableCount: (cluster) => (cluster === 'x' ? 3 : 2) },
      store: { writable: true, tick: noting('store') },
      signals: {
        tick: () => log.push('signals'),
        facts: () => signals,
        transition: ({ name }) => log.push(`tell of ${name}`),
      },
      rollout: {
        get state() {
          return state;
        },
        nowMs: () => 9_000,
        decide: (event) => {
          log.push('step');
          events.push(event);
          return { ok: true, state: after, effects: [] };
        },
        apply: (result) => {
          log.push('apply');
          if (result.ok) state = result.state;
        },
      },
      slowThresholds: { publish: () => log.push('slow thresholds') },
      traffic: { observe: (taken) => log.push(`record traffic ${taken === sample}`) },
      evidence: {
        observe: (taken) => log.push(`remember traffic ${taken === sample}`),
        onTransition: ({ name }) => log.push(`evidence of ${name}`),
      },
      breakerNotes: {
        observe: (openMs, { weightPpm }) => log.push(`breaker note ${openMs} at ${weightPpm}`),
      },
      holds: { observe: ({ weightPpm }, nowMs) => log.push(`hold at ${weightPpm} ${nowMs}`) },
      answers: { observe: noting('answers') },
      workers: { observe: noting('workers') },
      checkpoint: { tick: noting('checkpoint'), keepNow: () => log.push('keep now') },
      ended: (phase) => log.push(`ended ${phase}`),
    },
  };
}

test('a tick goes through its stages in order, all of them at one time', () => {
  const log: string[] = [];
  const rig = ports(log);
  new ControlLoop(rig.ports).tick();
  assert.deepEqual(log, [
    'signals',
    'sample 7000',
    'update true',
    'slow thresholds',
    'record traffic true',
    'remember traffic true',
    'assess at 100000',
    'breakers 7000',
    'step',
    'apply',
    'breaker note 500 at 250000',
    'hold at 250000 7000',
    'answers 7000',
    'workers 7000',
    'store 7000',
    'checkpoint 7000',
  ]);
  const facts = { breakerOpenMs: 500, healthyNodesX: 3, healthyNodesY: 2, storeWritable: true, signals };
  assert.deepEqual(rig.events, [{ type: 'tick', atMs: 9_000, verdict, facts }]);
});

test('a tick without the stages that decide nothing makes the same decision', () => {
  const log: string[] = [];
  const { ports: all, events } = ports(log);
  const { clock, source, assessor, rollout, breakers, nodes } = all;
  const store = { writable: true };
  new ControlLoop({ clock, source, assessor, rollout, breakers, nodes, store, signals: null }).tick();
  assert.deepEqual(log, ['sample 7000', 'update true', 'assess at 100000', 'breakers 7000', 'step', 'apply']);
  const facts = { breakerOpenMs: 500, healthyNodesX: 3, healthyNodesY: 2, storeWritable: true };
  assert.deepEqual(events, [{ type: 'tick', atMs: 9_000, verdict, facts }]);
});

const reverted: RolloutState = {
  phase: 'reverted',
  plan: testPlan,
  weightPpm: 0,
  sinceMs: 0,
  fromWeightPpm: 100_000,
  stepIndex: 0,
  cause: { name: 'operator', text: '' },
};

const followed: readonly [name: Transition['name'], to: RolloutState, also: string[]][] = [
  ['step', after, []],
  ['retest', before, ['keep now']],
  ['route-parked', before, ['keep now']],
  ['route-unparked', before, ['keep now']],
  ['reverted', reverted, ['ended reverted']],
];

for (const [name, to, also] of followed) {
  test(`a transition ${name} is followed by ${['telling', 'evidence', ...also].join(', ')}`, () => {
    const log: string[] = [];
    const transition = { atMs: 0, name, from: before, to, actor: 'ana', reason: '', evidence: null };
    new ControlLoop(ports(log).ports).follow(transition);
    assert.deepEqual(log, [`tell of ${name}`, `evidence of ${name}`, ...also]);
  });
}
