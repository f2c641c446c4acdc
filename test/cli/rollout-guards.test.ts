// The commands that hold a rollout, let it go on and take it back, against a real control API.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import {
  backend,
  type ControlRig,
  type RigOptions,
  startControl,
} from '../control-plane/support/control-rig.ts';
import { rampingState } from '../control-plane/support/states.ts';
import { tempFolder } from '../control-plane/support/temp-folder.ts';
import { controlToken } from '../support/control.ts';
import { until } from '../support/until.ts';
import { runCli } from './run-cli.ts';

async function rigWithNodes(t: TestContext, options: RigOptions = {}): Promise<ControlRig> {
  return startControl(t, { nodes: { x: [await backend(t)], y: [await backend(t)] }, ...options });
}

const asAda = { env: { CROSSOVER_ACTOR: 'Ada', CROSSOVER_TOKEN: controlToken } };

/** Runs `crossover rollout …` against the rig, for Ada. */
const rollout = (rig: ControlRig, ...args: string[]) => runCli(['rollout', ...args, '--url', rig.url], asAda);

async function lastEvent(rig: ControlRig, name: string) {
  const { events } = (await rig.call('GET', '/v1/events')).json;
  return events.findLast((event: { name: string }) => event.name === name);
}

const frozen = async (rig: ControlRig): Promise<boolean> => (await rig.call('GET', '/v1/freeze')).json.frozen;

test('rollout freeze stops what gives Y more, --override goes ahead, and unfreeze lifts it', async (t) => {
  const rig = await rigWithNodes(t);
  const until = '2999-01-07T18:00:00Z';
  const { exitCode, out } = await rollout(rig, 'freeze', '--reason', 'incident 4711', '--until', until);
  assert.equal(exitCode, 0);
  assert.match(out, /^Frozen until 2999-01-07T18:00:00\.000Z, or until `crossover rollout unfreeze`\./);
  const { actor, text } = await lastEvent(rig, 'frozen');
  assert.match(actor, /^token \(for Ada, /);
  assert.match(text, /until 2999-01-07T18:00:00\.000Z: incident 4711\.$/);
  const set = (...more: string[]) => runCli(['split', 'set', '20', ...more, '--url', rig.url], asAda);
  assert.match(
    (await set()).err,
    /^error: not now: frozen by token \(for Ada, .*: incident 4711; .* and --override goes ahead/,
  );
  assert.equal((await set('--override', '--reason', 'hotfix')).exitCode, 0);
  assert.match(
    (await lastEvent(rig, 'rollout-split-set')).text,
    /hotfix; overrides: frozen by token \(for Ada, /,
  );
  const lifted = await rollout(rig, 'unfreeze', '--reason', 'solved', '--json');
  assert.deepEqual([lifted.exitCode, JSON.parse(lifted.out).frozen], [0, false]);
  assert.equal(await frozen(rig), false);
});

test('rollout freeze exits 2 when the time it shall end is none', async (t) => {
  const rig = await startControl(t);
  const { exitCode, err } = await rollout(rig, 'freeze', '--until', 'tomorrow');
  assert.equal(exitCode, 2);
  assert.match(err, /expected a time with its offset/);
  assert.equal(await frozen(rig), false);
});

test('rollout approve lets the move that waits for it go on, once', async (t) => {
  const rig = await rigWithNodes(t, { yaml: 'gates: [{ name: lead, at: before-start, approval: manual }]' });
  const early = await rollout(rig, 'approve');
  assert.equal(early.exitCode, 1);
  assert.match(early.err, /no gate waits for an approval: the rollout is idle/);
  await rig.call('POST', '/v1/rollout');
  const waits = async () => (await rig.call('GET', '/v1/status')).json.signals.approval.waiting.length > 0;
  await until(waits, 'the gate to wait for an approval');
  const stale = await rollout(rig, 'approve', '--revision', 'x');
  assert.equal(stale.exitCode, 1);
  const wrong = await rollout(rig, 'approve', '--gate', 'nobody');
  assert.equal(wrong.exitCode, 1);
  const { exitCode, out } = await rollout(rig, 'approve', '--gate', 'lead', '--reason', 'looks good');
  assert.equal(exitCode, 0);
  assert.match(out, /^Approved\. The rollout moves on/);
  await rig.untilEvent('rollout-step');
  assert.match((await lastEvent(rig, 'gate-approved')).actor, /^token \(for Ada, /);
});

test('rollout unpark gives a parked route back to the split, and says which are left', async (t) => {
  const database = join(tempFolder(t), 'crossover.db');
  const parked = ['users', 'orders'].map((name, slot) => ({ name, slot, sinceMs: 1, text: `route ${name}` }));
  const state: RolloutState = { ...rampingState(250_000), parked };
  const opened = openSqliteStore(database);
  assert.ok(opened.ok);
  opened.value.saveRollout(state);
  opened.value.close();
  const rig = await rigWithNodes(t, { database, generation: 1 });
  const { exitCode, out } = await rollout(rig, 'unpark', 'users', '--reason', 'fixed');
  assert.equal(exitCode, 0);
  assert.equal(out, 'Route users follows the split again, 25 % on Y. Still parked: orders.\n');
  const again = await rollout(rig, 'unpark', 'users');
  assert.equal(again.exitCode, 1);
  assert.match(again.err, /cannot unpark users: it is not parked/);
});

test('rollout revert exits 0 and says since when everything is on X when it was reverted before', async (t) => {
  const rig = await rigWithNodes(t);
  const idle = await rollout(rig, 'revert');
  assert.deepEqual(
    [idle.exitCode, idle.out.split('\n')[0]],
    [0, 'No rollout runs: everything is on X already.'],
  );
  await rig.call('POST', '/v1/rollout', { body: { steps: [5, 100] } });
  await rig.untilEvent('rollout-step');
  assert.match((await rollout(rig, 'revert')).out, /^Rollout reverted, 0 % on Y\.\n/);
  const { exitCode, out } = await rollout(rig, 'revert');
  assert.equal(exitCode, 0);
  assert.match(out, /^Already reverted at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: everything is on X\.\n/);
  const { events } = (await rig.call('GET', '/v1/events')).json;
  const reverts = events.filter(({ name }: { name: string }) => name === 'rollout-reverted');
  assert.equal(reverts.length, 1, 'nothing is recorded the second time');
});

test('rollout revert says what it did when the split was set by hand', async (t) => {
  const rig = await startControl(t);
  await runCli(['split', 'set', '30', '--url', rig.url], asAda);
  const { exitCode, out } = await rollout(rig, 'revert', '--reason', 'enough seen');
  assert.equal(exitCode, 0);
  assert.match(
    out,
    /^No rollout runs: everything is on X again\.\nStart one with `crossover rollout start`\.\n$/,
  );
  assert.equal(
    (await lastEvent(rig, 'rollout-reverted')).text,
    'Back to X from 30 % on Y set by hand: enough seen.',
  );
});
