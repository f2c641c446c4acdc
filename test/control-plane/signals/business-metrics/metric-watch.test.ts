import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HttpPeer, httpPeer, type PeerAnswer } from '../../support/http-peer.ts';
import { SignalRig } from '../../support/signal-rig.ts';

/** Answers `{"v": …}` by the cluster in the path. */
const values =
  (x: unknown, y: unknown) =>
  ({ path }: { path: string }): PeerAnswer => ({
    status: 200,
    body: { v: path.endsWith('/x') ? x : y },
  });

const webhook = (peer: HttpPeer, rule: string): string =>
  `metrics:\n  - { name: orders, webhook: "${peer.url}/{{cluster}}", pointer: /v, interval: 10s, ${rule} }\n`;

/** A rollout at its first step. */
async function ramping(rig: SignalRig): Promise<SignalRig> {
  rig.start();
  assert.equal(rig.state.phase, 'ramping');
  return rig;
}

test('a metric holds until it was evaluated at this step, and then lets it pass', async (t) => {
  const peer = await httpPeer(t, values(100, 98));
  const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, 'worse: lower, timesX: 0.9') }));
  rig.tick();
  assert.equal(rig.hold, 'metric: orders: not evaluated at this step yet');
  await rig.until(() => rig.state.weightPpm === 100_000);
  rig.tick();
  assert.equal(rig.hold, 'metric: orders: not evaluated at this step yet', 'the next step is judged anew');
  await rig.until(() => rig.state.phase === 'completed');
  assert.deepEqual(new Set(peer.received.map(({ path }) => path)), new Set(['/x', '/y']));
});

test('a violated metric holds, in its words, and is evaluated in its interval', async (t) => {
  const peer = await httpPeer(t, values(100, 80));
  const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, 'worse: lower, timesX: 0.9') }));
  await rig.until(() => rig.hold === 'metric: orders: 80 on Y against 100 on X is below the limit 90');
  rig.clock.pass(9_999);
  rig.tick();
  assert.equal(peer.received.length, 2);
  rig.clock.pass(1);
  peer.answer = values(100, 95);
  await rig.until(() => rig.state.weightPpm === 100_000);
  assert.deepEqual(
    rig.recorded.filter(({ name }) => name.startsWith('metric')).map(({ name }) => name),
    ['metric-violated', 'metric-kept'],
  );
});

/** Lets evaluations happen one by one, each in its interval. */
async function evaluate(
  rig: SignalRig,
  peer: HttpPeer,
  answers: readonly HttpPeer['answer'][],
): Promise<void> {
  for (const answer of answers) {
    peer.answer = answer;
    const before = peer.received.length;
    rig.clock.pass(10_000);
    rig.tick();
    await peer.untilReceived(before + 1);
    const view = () => JSON.stringify(rig.signals.metrics.views());
    const stale = view();
    const count = rig.signals.metrics.problemCounts()[0]?.count;
    // The answer is in when it has changed something; each one here differs from the last.
    await rig.until(
      () =>
        rig.state.phase === 'reverted' ||
        view() !== stale ||
        rig.signals.metrics.problemCounts()[0]?.count !== count,
    );
  }
}

test('a metric reverts only when that is wanted and it was violated in a row for long enough', async (t) => {
  const bad = (value: number): PeerAnswer => ({ status: 200, body: { v: value } });
  const peer = await httpPeer(t, bad(100));
  const rule = 'min: 10, onViolation: revert, failuresInARow: 3';
  const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, rule), steps: [1, 100] }));
  // Good, bad, bad, down, bad, bad: never three in a row.
  await evaluate(rig, peer, [bad(4), bad(3), { status: 500 }, bad(2), bad(1)]);
  rig.tick();
  assert.equal(rig.state.phase, 'ramping');
  assert.match(rig.hold ?? '', /^metric: orders: 1 on Y is below min 10$/);
  await evaluate(rig, peer, [bad(0)]);
  await rig.until(() => rig.cause !== null);
  assert.deepEqual(rig.cause, {
    name: 'metric',
    text: 'orders: 0 on Y is below min 10, 3 times in a row',
  });
});

test('a reload that changes nothing of the metrics does not end a row of violations', async (t) => {
  const peer = await httpPeer(t, { status: 200, body: { v: 1 } });
  const rule = 'min: 10, onViolation: revert, failuresInARow: 2';
  const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, rule) }));
  await rig.until(() => rig.signals.metrics.views()[0]?.violatedInARow === 1);
  rig.config = structuredClone(rig.config);
  rig.clock.pass(10_000);
  await rig.until(() => rig.cause !== null);
  assert.match(rig.cause?.text ?? '', /2 times in a row$/);
});

test('a metric that only holds never reverts, however long it is violated', async (t) => {
  const peer = await httpPeer(t, { status: 200, body: { v: 1 } });
  const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, 'min: 10, failuresInARow: 1') }));
  const falling = Array.from({ length: 8 }, (_, index): PeerAnswer => ({ status: 200, body: { v: -index } }));
  await evaluate(rig, peer, falling);
  assert.equal(rig.state.phase, 'ramping');
});

const troubles: [name: string, answer: PeerAnswer, hold: RegExp][] = [
  ['an error', { status: 500 }, /for y, it answered 500$/],
  ['a redirect', { status: 301, headers: { location: '/' } }, /for y, it answered 301$/],
  ['garbage', { status: 200, body: '<html>' }, /for y, it answered something that is not JSON$/],
  ['another document', { status: 200, body: { w: 1 } }, /for y, its answer has nothing at \/v$/],
  ['a text', { status: 200, body: { v: 'many' } }, /for y, its answer has "many" at \/v, not a number$/],
  ['null', { status: 200, body: { v: null } }, /for y, its answer has null at \/v, not a number$/],
];
for (const [name, answer, hold] of troubles) {
  test(`a source holds and never reverts when it answers with ${name}`, async (t) => {
    const peer = await httpPeer(t, answer);
    const rule = 'min: 10, onViolation: revert, failuresInARow: 1';
    const rig = await ramping(new SignalRig(t, { yaml: webhook(peer, rule) }));
    await rig.until(() => hold.test(rig.hold ?? ''));
    for (let round = 1; round <= 4; round++) {
      rig.clock.pass(10_000);
      await rig.until(() => rig.signals.metrics.problemCounts()[0]?.count === round + 1);
    }
    assert.equal(rig.state.phase, 'ramping');
    assert.ok(rig.events.includes('metric-unclear'));
  });
}

test('a source that is down holds with the reason', async (t) => {
  const yaml =
    'metrics:\n  - { name: orders, webhook: "http://127.0.0.1:1/", pointer: /v, min: 1, onViolation: revert, failuresInARow: 1 }\n';
  const rig = await ramping(new SignalRig(t, { yaml }));
  await rig.until(() => rig.hold === 'metric: orders: for y, 127.0.0.1:1 refused the connection');
});

test('an answer that was asked for before the step says nothing about it', async (t) => {
  const peer = await httpPeer(t, values(100, 1));
  const rig = await ramping(
    new SignalRig(t, { yaml: webhook(peer, 'min: 10, interval: 10s').replace('interval: 10s, ', '') }),
  );
  rig.tick();
  rig.command('pause');
  rig.clock.pass(1_000);
  rig.command('resume');
  await peer.untilReceived(1);
  peer.answer = values(100, 100);
  await rig.until(() => rig.state.weightPpm === 100_000);
  assert.ok(!rig.events.includes('metric-violated'));
});

const pushed =
  'metrics:\n  - { name: orders, pushed: values, interval: 10s, min: 10, onViolation: revert, failuresInARow: 2 }\n';

test('pushed values are evaluated as they come, and hold when they stop', async (t) => {
  const rig = await ramping(new SignalRig(t, { yaml: pushed, steps: [1, 100] }));
  const push = (value: number) => rig.signals.metrics.push('orders', { cluster: 'y', value });
  rig.tick();
  assert.equal(rig.hold, 'metric: orders: no sample of y was pushed at this step yet');
  assert.equal(push(5), 'taken');
  // One sample is one violation, however often it is looked at.
  for (let round = 0; round < 3; round++) {
    rig.clock.pass(10_000);
    rig.tick();
  }
  assert.equal(rig.hold, 'metric: orders: 5 on Y is below min 10');
  rig.clock.pass(10_000);
  rig.tick();
  assert.equal(rig.hold, 'metric: orders: no sample of y was pushed for 30 s');
  push(5);
  rig.clock.pass(10_000);
  rig.tick();
  push(4);
  rig.clock.pass(10_000);
  rig.tick();
  assert.equal(rig.state.phase, 'reverted');
});

test('counted samples go to the analysis, and hold while they do not come', async (t) => {
  const yaml = 'metrics:\n  - { name: payments, pushed: trials, overX: 1%, interval: 10s }\n';
  const rig = await ramping(new SignalRig(t, { yaml, steps: [1, 100] }));
  const push = (cluster: 'x' | 'y', successes: number, trials: number) =>
    rig.signals.metrics.push('payments', { cluster, successes, trials });
  rig.tick();
  assert.equal(rig.hold, 'metric: payments: no sample of x was pushed at this step yet');
  push('x', 95, 100);
  rig.tick();
  assert.equal(rig.hold, 'metric: payments: no sample of y was pushed at this step yet');
  push('y', 0, 0);
  assert.deepEqual(rig.counted, [
    ['payments', 'x', 100, 5],
    ['payments', 'y', 0, 0],
  ]);
  rig.clock.pass(7_500);
  rig.tick();
  assert.equal(
    rig.hold,
    'metric: payments: counts of this step are watched for one interval of 10 s, another 3 s',
  );
  assert.equal(rig.signals.metrics.views()[0]?.state, 'waiting');
  rig.clock.pass(2_500);
  rig.tick();
  assert.equal(rig.state.phase, 'soaking');
  rig.tick();
  push('x', 1, 1);
  push('y', 1, 1);
  rig.clock.pass(30_001);
  rig.tick();
  assert.equal(rig.hold, 'metric: payments: no sample of x was pushed for 30 s');
});

test('samples of another kind or an unknown metric are refused', (t) => {
  const yaml = `${pushed}  - { name: payments, pushed: trials, overX: 1% }\n  - { name: asked, webhook: "http://10.0.0.1/", max: 1 }\n`;
  const { metrics } = new SignalRig(t, { yaml }).signals;
  assert.equal(metrics.push('orders', { cluster: 'x', successes: 1, trials: 1 }), 'wrong-kind');
  assert.equal(metrics.push('payments', { cluster: 'x', value: 1 }), 'wrong-kind');
  assert.equal(metrics.push('asked', { cluster: 'x', value: 1 }), 'wrong-kind');
  assert.equal(metrics.push('odrers', { cluster: 'x', value: 1 }), 'unknown');
});

test('nothing is asked and nothing holds while no rollout runs', async (t) => {
  const peer = await httpPeer(t, values(1, 1));
  const rig = new SignalRig(t, { yaml: webhook(peer, 'min: 10') });
  for (let round = 0; round < 3; round++) rig.tick();
  assert.deepEqual(rig.signals.facts().metrics, { hold: null, revert: null });
  assert.deepEqual(rig.signals.metrics.views()[0]?.state, 'idle');
  assert.equal(peer.received.length, 0);
});
