// A revert that was acknowledged stays one over restarts, whether the store took it or not; and the answer
// says where it did not.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { markFileOf } from '#src/record/revert-mark.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import {
  type Answer,
  backend,
  type ControlRig,
  type RigOptions,
  startControl,
} from './support/control-rig.ts';
import { lockStore } from './support/store-lock.ts';

async function ramping(t: TestContext, options: RigOptions = {}): Promise<ControlRig> {
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const rig = await startControl(t, { nodes, ...options });
  assert.equal((await rig.call('POST', '/v1/rollout', { body: { steps: [10, 50, 100] } })).status, 201);
  await rig.untilEvent('rollout-step');
  return rig;
}

const weightPpm = (rig: ControlRig): number => new SplitCell(rig.memory.split).read().weightPpm;
const revert = (rig: ControlRig) =>
  rig.call('POST', '/v1/rollout/revert', { body: { reason: 'to be safe' } });

/** Asks until the answer says that it is recorded: a busy machine may take longer than an answer waits. */
async function untilRecorded(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (answer.json.recorded !== false) return answer;
  }
}

async function statusOf(rig: ControlRig) {
  return (await rig.call('GET', '/v1/status')).json;
}

test('a revert that only the mark took is there after a restart, and then on record', async (t) => {
  const rig = await ramping(t);
  const letGo = lockStore(t, rig.database);
  const answer = await untilRecorded(() => revert(rig));
  assert.deepEqual([answer.status, answer.json.phase, answer.json.recorded], [200, 'reverted', true]);
  await rig.untilEvent('store-unavailable');
  const { store } = await statusOf(rig);
  assert.equal(store.writable, false);
  assert.deepEqual([store.unrecorded.transitions, store.unrecorded.isMarked], [1, true]);
  await rig.stop();
  const [stopped] = rig.posted.filter(({ type }) => type === 'stopped');
  assert.ok(stopped?.type === 'stopped');
  assert.deepEqual([stopped.unrecorded.transitions, stopped.unrecorded.isMarked], [1, true]);
  assert.equal(stopped.handOver.change?.state.phase, 'reverted');
  letGo();
  const next = await startControl(t, { database: rig.database });
  await next.untilEvent('rollout-recovered');
  const { json } = await next.call('GET', '/v1/rollout');
  assert.deepEqual([json.phase, json.cause.text, weightPpm(next)], ['reverted', 'to be safe', 0]);
  const { events } = (await next.call('GET', '/v1/events?limit=1000')).json;
  const found = events.find(({ name }: { name: string }) => name === 'rollout-recovered');
  assert.match(found.text, /made a change \(reverted, "to be safe"\) at .* only the mark beside it had it/);
  assert.equal((await next.call('GET', '/v1/record/verify')).json.intact, true);
  assert.equal((await next.call('GET', '/v1/rollouts/last')).json.state.phase, 'reverted');
  await next.stop();
  const third = await startControl(t, { database: rig.database });
  assert.deepEqual([(await statusOf(third)).phase, weightPpm(third)], ['reverted', 0]);
});

test('everything that gives Y no more survives by the mark: a pause, a smaller split, a resume', async (t) => {
  const rig = await ramping(t);
  await rig.call('POST', '/v1/rollout/pause', { body: {} });
  assert.equal((await rig.call('PUT', '/v1/split', { body: { y: 40 } })).status, 200);
  for (const [method, path, body, phase, weight] of [
    ['PUT', '/v1/split', { y: 30 }, 'paused', 300_000],
    ['POST', '/v1/rollout/resume', {}, 'ramping', 100_000],
    ['POST', '/v1/rollout/pause', {}, 'paused', 100_000],
  ] as const) {
    const running = rig.database;
    await rig.stop();
    const before = await startControl(t, {
      database: running,
      nodes: { x: [await backend(t)], y: [await backend(t)] },
    });
    const letGo = lockStore(t, running);
    assert.equal((await before.call(method, path, { body })).status, 200, path);
    while ((await statusOf(before)).store.unrecorded?.isMarked !== true);
    await before.stop();
    letGo();
    const after = await startControl(t, { database: running });
    assert.deepEqual([(await statusOf(after)).phase, weightPpm(after)], [phase, weight], path);
    await after.untilEvent('rollout-recovered');
    await after.call('GET', '/v1/events');
    await after.stop();
  }
});

test('a revert that neither store nor mark took is answered so, warned of, and recorded when one can', async (t) => {
  const rig = await ramping(t);
  const letGo = lockStore(t, rig.database);
  rmSync(markFileOf(rig.database));
  mkdirSync(markFileOf(rig.database));
  const answer = await revert(rig);
  assert.deepEqual([answer.status, answer.json.recorded, weightPpm(rig)], [200, false, 0]);
  assert.deepEqual((await statusOf(rig)).store.unrecorded.isMarked, false);
  const again = await revert(rig);
  assert.deepEqual(
    [again.json.changed, again.json.recorded],
    [false, false],
    'as it is now, and not as it was asked',
  );
  rmSync(markFileOf(rig.database), { recursive: true });
  while ((await statusOf(rig)).store.unrecorded?.isMarked === false);
  await untilRecorded(() => revert(rig));
  letGo();
  while ((await statusOf(rig)).store.unrecorded !== null);
});

test('a start without a readable mark serves X alone until it can be read or is removed', async (t) => {
  const rig = await ramping(t);
  await rig.stop();
  const mark = markFileOf(rig.database);
  const good = readFileSync(mark);
  writeFileSync(mark, 'x'.repeat(4_096));
  const next = await startControl(t, { database: rig.database });
  assert.deepEqual([weightPpm(next), (await statusOf(next)).phase], [0, 'idle']);
  const { store } = await statusOf(next);
  assert.equal(store.problem.kind, 'mark');
  assert.match(
    store.problem.text,
    /may know of a revert .* remove it to go on with what the store has \(it is damaged\)/,
  );
  assert.equal((await next.call('PUT', '/v1/split', { body: { y: 5 } })).status, 503);
  writeFileSync(mark, good);
  await next.untilEvent('store-recovered');
  assert.deepEqual([(await statusOf(next)).phase, weightPpm(next)], ['ramping', 100_000]);
  await next.stop();
  writeFileSync(mark, 'x'.repeat(4_096));
  const third = await startControl(t, { database: rig.database });
  assert.equal(weightPpm(third), 0);
  rmSync(mark);
  await third.untilEvent('store-recovered');
  assert.equal(weightPpm(third), 100_000);
});

test('a revert while the store cannot be read is unrecorded, and made of what it holds when it can', async (t) => {
  for (const before of ['ramping', 'preflight', 'completed'] as const) {
    const rig = await (before === 'preflight'
      ? startControl(t, {
          yaml: 'gates: [{ name: g, approval: manual, at: [before-start] }]',
          nodes: { x: [await backend(t)], y: [await backend(t)] },
        })
      : ramping(t));
    if (before === 'preflight') {
      await rig.call('POST', '/v1/rollout', { body: {} });
      while ((await statusOf(rig)).hold?.name !== 'gate');
    }
    if (before === 'completed')
      for (const name of ['promote', 'complete'])
        assert.equal((await rig.call('POST', `/v1/rollout/${name}`, { body: {} })).status, 200);
    await rig.stop();
    const letGo = lockStore(t, rig.database, 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    const next = await startControl(t, { database: rig.database });
    assert.equal(weightPpm(next), 0);
    const answer = await revert(next);
    assert.deepEqual([answer.status, answer.json.recorded], [200, false], before);
    letGo();
    await next.untilEvent('store-recovered');
    await next.untilEvent('rollout-reverted');
    assert.deepEqual([(await statusOf(next)).phase, weightPpm(next)], ['reverted', 0], before);
    await next.stop();
  }
});

test('a start where the mark tells of a store that is gone, empty or something else begins none', async (t) => {
  for (const [put, kind] of [
    [null, 'lost'],
    ['', 'lost'],
    ['not a store', 'foreign'],
  ] as const) {
    const rig = await ramping(t);
    await rig.stop();
    rmSync(rig.database);
    if (put !== null) writeFileSync(rig.database, put);
    const next = await startControl(t, { database: rig.database });
    const { phase, store } = await statusOf(next);
    assert.deepEqual([phase, weightPpm(next), store.problem.kind], ['idle', 0, kind], `${put}`);
    assert.equal(
      existsSync(rig.database) ? statSync(rig.database).size : null,
      put === null ? null : put.length,
    );
    if (kind === 'lost') assert.match(store.problem.text, /to begin anew, remove .*crossover\.db\.mark/);
  }
});

test('an older copy of the store gives Y no more than was acknowledged since, and the record says what is missing', async (t) => {
  const rig = await ramping(t);
  await rig.stop();
  const older = readFileSync(rig.database);
  const nodes = { x: [await backend(t)], y: [await backend(t)] };
  const second = await startControl(t, { database: rig.database, nodes });
  await untilRecorded(() => revert(second));
  await second.stop();
  writeFileSync(rig.database, older);
  const third = await startControl(t, { database: rig.database });
  assert.deepEqual([(await statusOf(third)).phase, weightPpm(third)], ['reverted', 0]);
  await third.untilEvent('record-broken');
  const { events } = (await third.call('GET', '/v1/events?limit=1000')).json;
  const broken = events.find(({ name }: { name: string }) => name === 'record-broken');
  assert.match(broken.text, /^The record lacks entry \d+, which the mark beside it tells of/);
});

test('a control thread goes by the split that was handed over, and by what it was told of it', async (t) => {
  const rig = await ramping(t);
  for (const name of ['promote', 'complete']) await rig.call('POST', `/v1/rollout/${name}`, { body: {} });
  await rig.stop();
  const inherited = (percent: number) => {
    const memory = createSharedMemory(1);
    new SplitCell(memory.split).publish(percent * 10_000, 5);
    return memory;
  };
  const second = await startControl(t, { database: rig.database, memory: inherited(30) });
  assert.deepEqual(
    [(await statusOf(second)).phase, weightPpm(second)],
    ['idle', 300_000],
    'nobody knows why it is lower, so it stays',
  );
  await second.stop();
  const third = await startControl(t, {
    database: rig.database,
    memory: inherited(30),
    handedOver: {
      revision: Date.now() + 1_000_000,
      change: {
        name: 'split-set',
        atMs: 7,
        actor: 'ana',
        reason: 'less',
        state: { phase: 'idle', weightPpm: 200_000 },
      },
      recordEnd: null,
    },
  });
  assert.deepEqual([(await statusOf(third)).phase, weightPpm(third)], ['idle', 200_000]);
  const { events } = (await third.call('GET', '/v1/events?limit=1000')).json;
  assert.match(events.at(-1).text ?? '', /./);
  assert.ok(
    events.some(({ text }: { text: string }) =>
      /ana made a change \(split-set, "less"\).*only the process before/.test(text),
    ),
  );
});
