import assert from 'node:assert/strict';
import { afterEach, beforeEach, type TestContext, test } from 'node:test';
import { collectRegularly } from '#src/base/regular-collection.ts';

const MiB = 1024 * 1024;
const { gc } = globalThis;
let collections = 0;
let heapMiB = 0;

beforeEach(() => {
  collections = 0;
});

afterEach(() => {
  globalThis.gc = gc;
});

/** A heap of which `liveMiB` are no garbage, in time that passes when told to. */
function fakeHeap(t: TestContext, liveMiB: number): void {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.mock.method(process, 'memoryUsage', () => ({ heapUsed: heapMiB * MiB }));
  globalThis.gc = (() => {
    collections++;
    heapMiB = liveMiB;
  }) as NodeJS.GCFunction;
}

test('collectRegularly collects the garbage of a start, once', (t) => {
  fakeHeap(t, 10);
  heapMiB = 19;
  collectRegularly();
  assert.equal(collections, 0);
  t.mock.timers.tick(3_000);
  assert.equal(collections, 1);
  t.mock.timers.tick(3_600_000);
  assert.equal(collections, 1);
});

test('collectRegularly collects again when the heap has grown', (t) => {
  fakeHeap(t, 10);
  heapMiB = 19;
  collectRegularly();
  t.mock.timers.tick(3_000);
  heapMiB = 12;
  t.mock.timers.tick(20_000);
  assert.equal(collections, 1);
  heapMiB = 13.5;
  t.mock.timers.tick(20_000);
  assert.equal(collections, 2);
  assert.equal(heapMiB, 10);
});

test('collectRegularly sets no timer when the process was started without --expose-gc', (t) => {
  fakeHeap(t, 10);
  globalThis.gc = undefined;
  collectRegularly();
  t.mock.timers.tick(3_600_000);
  assert.equal(collections, 0);
});
