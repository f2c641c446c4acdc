// A start on a store that somebody has edited: what it says must not move traffic because it was written
// there.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { type ControlRig, startControl } from './support/control-rig.ts';
import { event, transitionTo } from './support/records.ts';
import { rampingState, testPlan } from './support/states.ts';
import { tempFolder } from './support/temp-folder.ts';

const reverted: RolloutState = {
  phase: 'reverted',
  plan: testPlan,
  weightPpm: 0,
  sinceMs: 3_000,
  fromWeightPpm: 250_000,
  stepIndex: 1,
  cause: { name: 'operator', text: 'for good' },
};
const completed: RolloutState = { phase: 'completed', plan: testPlan, weightPpm: 1_000_000, sinceMs: 4_000 };

/** A store whose last transition was a revert, closed. */
function storeAfter(t: TestContext, last: RolloutState, key: Uint8Array | null = null): string {
  const file = join(tempFolder(t), 'crossover.db');
  const opened = openSqliteStore(file, { key: { ok: true, key } });
  assert.ok(opened.ok);
  const ramping = rampingState(250_000);
  assert.ok(opened.value.saveTransition(transitionTo(ramping), ramping, event(1)).ok);
  assert.ok(opened.value.saveTransition(transitionTo(last, ramping), last, event(2)).ok);
  opened.value.close();
  return file;
}

function edit(file: string, sql: string, ...values: string[]): void {
  const db = new DatabaseSync(file);
  for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all())
    db.exec(`DROP TRIGGER ${String(name)}`);
  db.prepare(sql).run(...values);
  db.close();
}

const weightPpm = ({ memory }: ControlRig): number => new SplitCell(memory.split).read().weightPpm;

/** Texts of the events with this name. */
async function told(rig: ControlRig, name: string): Promise<string[]> {
  await rig.untilEvent(name);
  const { events } = (await rig.call('GET', '/v1/events?limit=1000')).json;
  return events
    .filter((one: { name: string }) => one.name === name)
    .map(({ text }: { text: string }) => text);
}

test('a rollout that was edited to completed stays as its last transition left it, and the record says so', async (t) => {
  const database = storeAfter(t, reverted);
  edit(database, 'UPDATE rollout SET state = ?', JSON.stringify(completed));
  const rig = await startControl(t, { database });
  const { json } = await rig.call('GET', '/v1/rollout');
  assert.deepEqual([json.phase, json.cause.text, weightPpm(rig)], ['reverted', 'for good', 0]);
  const [first] = await told(rig, 'record-broken');
  assert.match(
    first ?? '',
    /something else than Crossover has changed it\. The last transition counts: reverted, 0 % on Y\./,
  );
});

test('a rollout whose row and last transition were both edited is not believed: everything goes to X', async (t) => {
  const database = storeAfter(t, reverted);
  edit(database, 'UPDATE rollout SET state = ?', JSON.stringify(completed));
  edit(database, 'UPDATE transitions SET record = ? WHERE id = 2', JSON.stringify(transitionTo(completed)));
  const rig = await startControl(t, { database });
  assert.deepEqual([(await rig.call('GET', '/v1/rollout')).json.phase, weightPpm(rig)], ['idle', 0]);
  const { store } = (await rig.call('GET', '/v1/status')).json;
  assert.deepEqual([store.writable, store.problem.kind], [false, 'tampered']);
  assert.match(store.problem.text, /its rollout is not the one last recorded/);
});

test('a signed store that was written anew without the key is not believed, and not written to', async (t) => {
  const folder = tempFolder(t);
  const keyFile = join(folder, 'record.key');
  writeFileSync(keyFile, 'k'.repeat(40));
  const signed = storeAfter(t, reverted, Buffer.from('k'.repeat(40)));
  const forged = storeAfter(t, completed, Buffer.from('another key, forty characters at least...'));
  copyFileSync(forged, signed);
  const rig = await startControl(t, { database: signed, yaml: '', storeYaml: `, key: ${keyFile}` });
  assert.equal(weightPpm(rig), 0);
  assert.equal((await rig.call('GET', '/v1/status')).json.store.problem.kind, 'tampered');
  const put = await rig.call('PUT', '/v1/split', { body: { y: 5 } });
  assert.deepEqual([put.status, put.json.code], [503, 'store_unavailable']);
  const unsigned = await startControl(t, {
    database: storeAfter(t, completed),
    storeYaml: `, key: ${keyFile}`,
  });
  assert.deepEqual(
    [weightPpm(unsigned), (await unsigned.call('GET', '/v1/status')).json.store.problem.kind],
    [0, 'key'],
  );
});

test('a store that is not edited goes on where it was, signed or not', async (t) => {
  const keyFile = join(tempFolder(t), 'record.key');
  writeFileSync(keyFile, 'k'.repeat(40));
  const plain = await startControl(t, { database: storeAfter(t, completed) });
  const signed = await startControl(t, {
    database: storeAfter(t, completed, Buffer.from('k'.repeat(40))),
    storeYaml: `, key: ${keyFile}`,
  });
  assert.deepEqual([weightPpm(plain), weightPpm(signed)], [1_000_000, 1_000_000]);
  const verified = (await signed.call('GET', '/v1/record/verify')).json;
  assert.deepEqual([verified.intact, verified.signature], [true, 'valid']);
  const wrong = await signed.call('GET', `/v1/record/verify?end=${'ab'.repeat(32)}`);
  assert.deepEqual([wrong.json.intact, wrong.json.broken], [false, { chain: 'end', id: null }]);
  assert.equal((await signed.call('GET', '/v1/record/verify?end=x')).status, 400);
});
