import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { ArmSample } from '#src/core/telemetry/sample.ts';
import { openRecordedTraffic } from '#src/record/recorded-traffic.ts';
import { armCounters, fillArm, type TrafficWindow } from '#src/record/traffic-window.ts';
import { quickFolder } from '../control-plane/support/temp-folder.ts';

test('kept counters of an arm give back every count', () => {
  const random = createRandom(11);
  const arm = new ArmSample();
  arm.requests = 17;
  for (const value of Object.values(arm) as (number | Float64Array)[]) {
    if (typeof value === 'number') continue;
    for (let i = 0; i < value.length; i++) if (random.next() < 0.1) value[i] = random.nextUint32() % 100;
    value[value.length - 1] = 3;
  }
  const back = new ArmSample();
  back.failures = 9;
  back.latency[5] = 1;
  fillArm(back, JSON.parse(JSON.stringify(armCounters(arm))));
  assert.deepEqual(back, arm);
});

test('kept counters of another version are passed over where this one has no place for them', () => {
  const arm = new ArmSample();
  fillArm(arm, { requests: 2, latency: [100_000, 1], somethingNew: [1, 2], status: 4 });
  assert.equal(arm.requests, 2);
  assert.ok(arm.latency.every((count) => count === 0));
});

const windowAt = (atMs: number): TrafficWindow => ({ atMs, dtMs: 1_000, rollout: null, epochs: [] });

test('store keeps traffic in order for six hours and no longer', (t) => {
  const file = join(quickFolder(t), 'crossover.db');
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  const store = opened.value;
  const hourMs = 3_600_000;
  for (const hour of [0, 5, 10]) assert.ok(store.saveTraffic([windowAt(hour * hourMs + 1)]).ok);
  assert.ok(store.saveTraffic([windowAt(13 * hourMs), windowAt(13 * hourMs + 1_000)]).ok);
  const times = (from: number, to: number, limit: number) => {
    const read = store.readTraffic(from, to, limit);
    assert.ok(read.ok);
    return read.value.map(({ atMs }) => atMs);
  };
  assert.deepEqual(times(0, 20 * hourMs, 100), [10 * hourMs + 1, 13 * hourMs, 13 * hourMs + 1_000]);
  assert.deepEqual(times(5 * hourMs + 2, 20 * hourMs, 1), [10 * hourMs + 1]);
  // While the owner has it open.
  const recorded = openRecordedTraffic(file);
  assert.ok(recorded.ok);
  assert.equal(recorded.value.windows.length, 3);
  store.close();
});
