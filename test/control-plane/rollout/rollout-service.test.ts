// Effect list by state of the store: what is published, recorded, told and acknowledged, in which order.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import type { Outcome } from '#src/control-plane/rollout/outcome.ts';
import { RolloutClock } from '#src/control-plane/rollout/rollout-clock.ts';
import { RolloutService, type RolloutServiceOptions } from '#src/control-plane/rollout/rollout-service.ts';
import type { RolloutStore } from '#src/control-plane/rollout/rollout-store.ts';
import type { WriteAnswer, WriteCallbacks } from '#src/control-plane/rollout/write-answer.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { done } from '#src/record/store-result.ts';
import { badRouteVerdict, rampingState, testPlan } from '../support/states.ts';

const atMs = 1_700_000_000_000;
const clock = { monotonicMs: () => 1, epochMs: () => atMs };
const problem = { kind: 'full', text: 'The disk is full.' } as const;

/** How the store answers what must be recorded first. */
type StoreMood = 'keeps' | 'waits' | 'refuses';

class Rig {
  /** Everything that was done, in order. */
  readonly log: string[] = [];
  readonly service: RolloutService;
  mood: StoreMood = 'keeps';
  #published = { epoch: 1, weightPpm: 100_000, salt: testPlan.salt };
  #callbacks: WriteCallbacks | null = null;
  #isOverdue = false;

  constructor(from: RolloutState, given: Partial<RolloutServiceOptions> = {}) {
    this.#published = { ...this.#published, weightPpm: from.weightPpm };
    const events = new EventLog({ epochMs: clock.epochMs, log: () => {} });
    events.subscribe(({ name }) => this.log.push(`event ${name}`));
    this.service = new RolloutService({
      sink: {
        publish: (weightPpm, salt) => {
          this.log.push(`publish ${weightPpm / 10_000}`);
          this.#published = { epoch: this.#published.epoch + 1, weightPpm, salt };
          return this.#published.epoch;
        },
        current: () => this.#published,
      },
      store: this.#store(from),
      events,
      analysis: {
        resetStep: () => this.log.push('reset step'),
        resetRollout: () => this.log.push('reset rollout'),
        routeParked: () => this.log.push('forget route'),
        retest: () => this.log.push('retest'),
        verdict: null,
      },
      parking: {
        park: (name, isParked) => this.log.push(`${isParked ? 'park' : 'unpark'} ${name}`),
        replaceParked: () => {},
      },
      startChecks: () => new Promise(() => {}),
      signals: () => null,
      keepsLower: false,
      time: new RolloutClock({ clock, memory: new SharedArrayBuffer(8), kept: () => null }),
      epochMs: clock.epochMs,
      onTransition: ({ name }) => this.log.push(`notify ${name}`),
      ...given,
    });
    this.service.resume();
    this.log.length = 0;
  }

  #store(from: RolloutState): RolloutStore {
    const rig = this;
    return {
      get writable() {
        return rig.mood !== 'refuses';
      },
      get problem() {
        return rig.mood === 'refuses' ? problem : null;
      },
      loadRollout: () => ({ ok: true, value: from }),
      takeFound: () => null,
      saveRollout: () => {},
      saveTransition: ({ name }, _state, _event, settle, answered) => {
        this.log.push(`record first ${name}`);
        this.#callbacks = { settle, answered };
        this.#isOverdue = false;
        if (this.mood === 'keeps') this.answer('kept');
        if (this.mood === 'refuses') this.answer('refused');
      },
      saveTransitionEventually: ({ name }) => this.log.push(`record ${name}`),
    };
  }

  send(event: RolloutEvent): void {
    this.service.dispatch(event, (outcome) => this.log.push(outcomeText(outcome)));
  }

  /** The store answers at last. */
  answer(kind: WriteAnswer['kind']): void {
    const callbacks = this.#callbacks;
    assert.ok(callbacks, 'a transition is being recorded');
    if (kind === 'overdue') this.#isOverdue = true;
    else callbacks.answered(kind === 'kept');
    // What is overdue has been settled.
    if (kind === 'overdue' || !this.#isOverdue)
      callbacks.settle(kind === 'kept' ? done : { ok: false, problem });
  }

  /** What was done since it was last asked. */
  take(): string[] {
    return this.log.splice(0);
  }
}

const outcomeText = (outcome: Outcome): string => {
  if (outcome.ok) return `acknowledge ${outcome.state.phase}`;
  return outcome.kind === 'store' ? `acknowledge store ${outcome.problem.kind}` : 'acknowledge refused';
};

const command = (name: 'advance' | 'revert' | 'pause'): RolloutEvent => ({
  type: 'command',
  atMs,
  name,
  actor: 'ana',
  reason: 'r',
});
const facts = { breakerOpenMs: 0, healthyNodesX: 1, healthyNodesY: 1, storeWritable: true };
const park: RolloutEvent = { type: 'tick', atMs, verdict: badRouteVerdict('orders', 3), facts };
const unpark: RolloutEvent = { type: 'unpark', atMs, route: 'orders', actor: 'ana', reason: 'r' };
const ramping: RolloutState = { ...rampingState(100_000), plan: { ...testPlan, onBadRoute: 'park' } };
const parked: RolloutState = {
  ...ramping,
  parked: [{ name: 'orders', slot: 3, sinceMs: 1, text: 'errors' }],
};
const idle: RolloutState = { phase: 'idle', weightPpm: 0 };

const changes: Readonly<
  Record<string, { readonly from: RolloutState; readonly event: RolloutEvent; readonly weightPpm: number }>
> = {
  advance: { from: ramping, event: command('advance'), weightPpm: 250_000 },
  revert: { from: parked, event: command('revert'), weightPpm: 0 },
  pause: { from: ramping, event: command('pause'), weightPpm: 100_000 },
  start: { from: idle, event: { type: 'start', atMs, plan: testPlan }, weightPpm: 0 },
  park: { from: ramping, event: park, weightPpm: 100_000 },
  unpark: { from: parked, event: unpark, weightPpm: 100_000 },
};

const made = {
  advance: ['event rollout-step', 'reset step', 'publish 25', 'notify step', 'acknowledge ramping'],
  start: ['event rollout-started', 'notify started', 'acknowledge preflight'],
  unpark: [
    'event rollout-route-unparked',
    'unpark orders',
    'reset step',
    'notify route-unparked',
    'acknowledge ramping',
  ],
} as const;
const first = { advance: 'step', start: 'started', unpark: 'route-unparked' } as const;

for (const name of ['advance', 'start', 'unpark'] as const) {
  const { from, event, weightPpm } = changes[name] as (typeof changes)[string];
  const recording = `record first ${first[name]}`;

  test(`${name} is recorded, then made, then acknowledged`, () => {
    const rig = new Rig(from);
    rig.send(event);
    assert.deepEqual(rig.take(), [recording, ...made[name]]);
    assert.equal(rig.service.state.weightPpm, weightPpm);
  });

  test(`${name} waits for its record, and for nothing else`, () => {
    const rig = new Rig(from);
    rig.mood = 'waits';
    const progress = rig.service.dispatch(event, (outcome) => rig.log.push(outcomeText(outcome)));
    assert.deepEqual(
      [progress, rig.take(), rig.service.state],
      [{ ok: false, kind: 'pending' }, [recording], from],
    );
    rig.answer('kept');
    assert.deepEqual(rig.take(), made[name]);
  });

  test(`${name} is not made when the store refuses it`, () => {
    const rig = new Rig(from);
    rig.mood = 'refuses';
    rig.send(event);
    assert.deepEqual(rig.take(), [recording, 'acknowledge store full']);
    assert.equal(rig.service.state, from);
  });

  test(`${name} that is recorded too late is not made, and the record says so`, () => {
    const rig = new Rig(from);
    rig.mood = 'waits';
    rig.send(event);
    rig.answer('overdue');
    assert.deepEqual(rig.take(), [recording, 'acknowledge store full']);
    rig.answer('kept');
    assert.deepEqual(rig.take(), ['event rollout-recovered', 'record recovered', 'notify recovered']);
    assert.equal(rig.service.state, from);
  });
}

const atOnce = {
  revert: ['publish 0', 'unpark orders', 'event rollout-reverted', 'record reverted', 'notify reverted'],
  pause: ['event rollout-paused', 'record paused', 'notify paused'],
  park: [
    'park orders',
    'forget route',
    'event rollout-route-parked',
    'record route-parked',
    'notify route-parked',
  ],
} as const;

for (const name of ['revert', 'pause', 'park'] as const) {
  const { from, event, weightPpm } = changes[name] as (typeof changes)[string];
  for (const mood of ['keeps', 'waits', 'refuses'] as const) {
    test(`${name} is made, then recorded, and acknowledged at once when the store ${mood}`, () => {
      const rig = new Rig(from);
      rig.mood = mood;
      rig.send(event);
      const { phase } = rig.service.state;
      assert.deepEqual(rig.take(), [...atOnce[name], `acknowledge ${phase}`]);
      assert.equal(rig.service.state.weightPpm, weightPpm);
    });
  }
}

test('a revert takes the place of an advance that waits, whatever the store answers later', () => {
  for (const [answer, done] of [
    ['kept', ['event rollout-recovered', 'record recovered', 'notify recovered']],
    ['refused', []],
  ] as const) {
    const rig = new Rig(ramping);
    rig.mood = 'waits';
    rig.send(command('advance'));
    rig.send(command('revert'));
    assert.deepEqual(rig.take(), [
      'record first step',
      'acknowledge refused',
      'publish 0',
      'event rollout-reverted',
      'record reverted',
      'notify reverted',
      'acknowledge reverted',
    ]);
    rig.answer(answer);
    assert.deepEqual([rig.take(), rig.service.state.weightPpm], [done, 0]);
  }
});

test('checks before a start that crash have failed, and those of an earlier start are not heard', async (t: TestContext) => {
  const running: ((error: Error) => void)[] = [];
  const startChecks = t.mock.fn(() => new Promise<never>((_, reject) => running.push(reject)));
  const rig = new Rig(idle, { startChecks });
  rig.send({ type: 'start', atMs, plan: { ...testPlan, id: 'first' } });
  rig.send(command('revert'));
  rig.send({ type: 'start', atMs, plan: { ...testPlan, id: 'second' } });
  rig.take();
  running[0]?.(new Error('too late'));
  await turn();
  assert.deepEqual([rig.take(), rig.service.state.phase], [[], 'preflight']);
  running[1]?.(new Error('no route to host'));
  await turn();
  assert.deepEqual([rig.service.state.phase, startChecks.mock.callCount()], ['idle', 2]);
  assert.deepEqual(rig.take(), [
    'event rollout-preflight-failed',
    'record preflight-failed',
    'notify preflight-failed',
  ]);
});
