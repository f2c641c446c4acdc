// The store in its thread: order, long reads between short ones, a thread that is lost, and a stall inside
// SQLite.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { ArgsOf, ResultOf, StoreMethod } from '#src/control-plane/store/store-calls.ts';
import { StoreThreadPort } from '#src/control-plane/store/store-thread-port.ts';
import { event } from '../support/records.ts';
import { tempFolder } from '../support/temp-folder.ts';

function started(t: TestContext, busyTimeoutMs = 50) {
  const file = join(tempFolder(t), 'crossover.db');
  const port = new StoreThreadPort({ file, busyTimeoutMs, keyFile: null });
  t.after(() => port.end());
  const call = <M extends StoreMethod>(method: M, ...args: ArgsOf<M>): Promise<ResultOf<M>> =>
    new Promise((resolve) => port.send(method, args, resolve));
  return { file, port, call };
}

test('store thread answers in the order of the calls, and short ones while a long one is under way', async (t) => {
  const { call } = started(t);
  assert.ok((await call('open', null)).ok);
  const writes = Array.from({ length: 450 }, (_, index) => call('appendEvent', event(index + 1)));
  const order: string[] = [];
  const check = call('checkRecord', null).then((result) => {
    order.push('check');
    return result;
  });
  const read = call('readEvents', 0, 1_000).then((result) => {
    order.push('read');
    return result;
  });
  for (const written of await Promise.all(writes)) assert.ok(written.ok);
  const events = await read;
  assert.ok(events.ok);
  assert.deepEqual(
    events.value.map(({ id }) => id),
    writes.map((_, index) => index + 1),
  );
  const checked = await check;
  assert.ok(checked.ok && checked.value.intact && checked.value.chains.events.records === 450);
  assert.deepEqual(order, ['read', 'check']);
});

test('store thread that is lost fails what it had not answered, and is replaced with the next call', async (t) => {
  const { call } = started(t);
  assert.ok((await call('open', null)).ok);
  assert.ok((await call('appendEvent', event(1))).ok);
  const crash = call('noSuchMethod' as StoreMethod);
  const behind = call('readEvents', 0, 1);
  for (const result of await Promise.all([crash, behind]))
    assert.ok(!result.ok && result.problem.kind === 'io' && /crashed/.test(result.problem.text));
  const opened = await call('open', null);
  assert.ok(opened.ok);
  assert.equal(opened.value.lastEventId, 1);
});

test('store thread that stalls inside SQLite stalls nobody else', async (t) => {
  const { file, call } = started(t, 60_000);
  assert.ok((await call('open', null)).ok);
  const holder = new DatabaseSync(file);
  holder.exec('BEGIN IMMEDIATE');
  let isAnswered = false;
  const write = call('appendEvent', event(1)).then((result) => {
    isAnswered = true;
    return result;
  });
  for (let turns = 0; turns < 1_000; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isAnswered, false);
  holder.exec('ROLLBACK');
  holder.close();
  assert.ok((await write).ok);
});

test('store thread is not started again by a call after its end', async (t) => {
  const { port, call } = started(t);
  port.end();
  const refused = await call('open', null);
  assert.ok(!refused.ok && refused.problem.kind === 'unavailable');
});
