// Testing again through the control plane: the split stays, the analysis starts afresh before anybody is
// told, and it is all there after a restart.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LoopRig } from './support/loop-rig.ts';
import { badRouteVerdict, testPlan } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

const atMs = 1_700_000_000_000;
const facts = { breakerOpenMs: 0, healthyNodesX: 1, healthyNodesY: 1, storeWritable: true };
const quiet = { perSecond: 200, errorsX: 0, errorsY: 0 };
const text = 'latency p95 looked worse; held, to be tested again in 60 s';

function startRig(t: TestContext, database: string): LoopRig {
  const rig = new LoopRig({ database });
  t.after(() => rig.store.close(1_000));
  rig.rollout.resume();
  return rig;
}

/** A rollout at 10 % whose latency has just looked worse. */
function retested(t: TestContext, database: string): LoopRig {
  const rig = startRig(t, database);
  const atMs = rig.rollout.nowMs();
  assert.ok(rig.rollout.dispatch({ type: 'start', atMs, plan: testPlan }).ok);
  assert.ok(rig.rollout.dispatch({ type: 'preflight-passed', atMs }).ok);
  rig.run(5, quiet);
  const { badRoutes: _, ...calm } = badRouteVerdict('none', 0);
  const verdict = { ...calm, decision: 'hold', rule: 'retest', text, toRetest: ['latency'] } as const;
  assert.ok(rig.rollout.dispatch({ type: 'tick', atMs, verdict, facts }).ok);
  return rig;
}

test('a retest holds at the weight, is recorded, and starts the analysis afresh', (t) => {
  const rig = retested(t, join(quickFolder(t), 'crossover.db'));
  assert.equal(rig.weightPpm, 100_000);
  const { state } = rig.rollout;
  assert.ok(state.phase === 'ramping' && state.hold?.name === 'retest');
  assert.deepEqual(state.hold, { name: 'retest', text });
  assert.equal(rig.transitions.at(-1)?.name, 'retest');
  const events = rig.port.store.readEvents(0, 100);
  assert.ok(events.ok);
  const event = events.value.find(({ name }) => name === 'rollout-retest');
  assert.equal(event?.text, `Held to test again, 10 % on Y: ${text}.`);
  rig.tick();
  assert.deepEqual(
    rig.assessor.verdict?.retests?.map(({ kind, state: at, weightPpm }) => [kind, at, weightPpm]),
    [['latency', 'waiting', 100_000]],
  );
  assert.match(rig.assessor.verdict?.text ?? '', /looked worse at 10 %: held, to be tested again in 60 s/);
});

test('a retest goes on in a new control thread, with the state and the evidence that were kept', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const first = retested(t, database);
  first.run(20, quiet);
  const kept = JSON.parse(JSON.stringify(first.assessor.snapshot(first.rollout.state)));
  const second = startRig(t, database);
  const { state } = second.rollout;
  assert.ok(state.phase === 'ramping' && state.hold?.name === 'retest');
  assert.ok(second.assessor.restore(kept, state));
  second.run(1, quiet);
  const [retest] = second.assessor.verdict?.retests ?? [];
  assert.ok(retest?.state === 'waiting' && retest.startsInSeconds > 35 && retest.startsInSeconds < 41);
  second.run(45, quiet);
  assert.notEqual(second.assessor.verdict?.retests?.[0]?.state, 'waiting');
  assert.equal(second.assessor.verdict?.retests?.[0]?.count, 1);
});

test('the analysis has given up its evidence when others are told of a retest', (t) => {
  const rig = retested(t, join(quickFolder(t), 'crossover.db'));
  // What is kept at that moment is what a restart goes on from.
  const { effects } = rig.rollout.decide({
    type: 'tick',
    atMs,
    verdict: { ...badRouteVerdict('none', 0), toRetest: ['status'] },
    facts,
  }) as { effects: readonly { type: string }[] };
  assert.deepEqual(
    effects.map(({ type }) => type),
    ['persist', 'retest-analysis', 'notify'],
  );
});
