// The control thread as a thread: how it starts, what it leaves behind when it dies, and who goes on.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parseConfig } from '#src/config/load.ts';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { assignSlots } from '#src/core/routing/node-slots.ts';
import type { Store } from '#src/record/store.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { X, Y } from '#src/shared-memory/layout.ts';
import type { ControlStart, FromControl, ToControl } from '#src/shared-memory/messages.ts';
import { createSharedMemory, slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { authorization, controlToken } from '../support/control.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { backend } from './support/control-rig.ts';
import { countAnswers } from './support/counters.ts';
import { rampingState } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

async function startOf(t: TestContext, control = '127.0.0.1:0'): Promise<ControlStart> {
  const text = `
listen: { proxy: 127.0.0.1:8000, control: "${control}" }
workers: 1
clusters:
  x: { label: old, nodes: [http://127.0.0.1:${await backend(t)}] }
  y: { label: new, nodes: [http://127.0.0.1:${await backend(t)}] }
control: { token: ${controlToken} }
store: { sqlite: ${join(quickFolder(t), 'crossover.db')} }
`;
  const loaded = parseConfig(text, 'test.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { config } = loaded;
  const nodesOf = (cluster: 'x' | 'y') =>
    assignSlots(
      [],
      config.clusters[cluster].nodes.map((node) => ({ ...node, draining: false })),
    );
  return {
    config,
    configRevision: 1,
    nodes: { x: nodesOf('x'), y: nodesOf('y') },
    memory: createSharedMemory(1),
    configPath: 'test.yaml',
    generation: 0,
    controlPorts: [],
    listenDescriptors: [],
    proxyPort: 0,
    runtimeFolder: null,
    handedOver: null,
    routes: { kind: 'derived', routes: [] },
  };
}

const hourMs = 3_600_000;
const headers = { authorization };

/** What a store says while no process has it. */
function onStore<T>(file: string, ask: (store: Store) => StoreResult<T>): T {
  const opened = openSqliteStore(file);
  assert.ok(opened.ok);
  const answer = ask(opened.value);
  opened.value.close();
  assert.ok(answer.ok);
  return answer.value;
}

class Thread {
  readonly #worker: Worker;
  readonly #posted: FromControl[] = [];
  readonly #signal = new Signal();

  constructor(t: TestContext, start: ControlStart) {
    const entry = new URL('../../src/control-plane/control-thread.ts', import.meta.url);
    this.#worker = new Worker(entry, { workerData: start });
    this.#worker.on('message', (message: FromControl) => {
      this.#posted.push(message);
      this.#signal.notify();
    });
    t.after(() => this.#worker.terminate());
  }

  async until(matches: (message: FromControl) => boolean): Promise<FromControl> {
    await this.#signal.until(
      () => this.#posted.some(matches),
      `a message of the thread: ${matches}`,
      () => this.#posted.slice(-10),
    );
    return this.#posted.find(matches) as FromControl;
  }

  async url(): Promise<string> {
    const ready = await this.until(({ type }) => type === 'ready');
    assert.ok(ready.type === 'ready');
    return `http://127.0.0.1:${ready.controlPorts[0]}`;
  }

  untilEvent(name: string): Promise<FromControl> {
    return this.until((message) => message.type === 'log' && message.line.fields.event === name);
  }

  tell(message: ToControl): void {
    this.#worker.postMessage(message);
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

test('control thread that is killed in a rollout leaves the split, and the next one goes on at the same step', async (t) => {
  const start = await startOf(t);
  const cell = new SplitCell(start.memory.split);
  const first = new Thread(t, start);
  await fetch(`${await first.url()}/v1/rollout`, { method: 'POST', headers });
  await first.untilEvent('rollout-step');
  // The event is told before the split is published; an answer comes after both.
  await fetch(`${await first.url()}/livez`);
  await first.kill();
  const { epoch, weightPpm } = cell.read();
  assert.equal(weightPpm, 10_000);
  const second = new Thread(t, { ...start, generation: 1 });
  const url = await second.url();
  const rollout = (await (await fetch(`${url}/v1/rollout`, { headers })).json()) as {
    phase: string;
    step: { index: number };
  };
  assert.deepEqual([rollout.phase, rollout.step.index], ['ramping', 0]);
  assert.deepEqual([cell.read().epoch, cell.read().weightPpm], [epoch, weightPpm]);
  const { events } = (await (await fetch(`${url}/v1/events`, { headers })).json()) as {
    events: { id: number; name: string }[];
  };
  assert.deepEqual(
    events.map(({ name }) => name),
    ['started', 'rollout-started', 'rollout-step', 'control-restarted'],
  );
});

test('control thread of another process goes on with the time of the rollout, whatever the wall clock was set to', async (t) => {
  const start = await startOf(t);
  const file = start.config.store.sqlite;
  const nowMs = Date.now();
  onStore(file, (store) => {
    store.saveRollout({ ...rampingState(100_000), stepSinceMs: nowMs - 2 * hourMs });
    return store.saveAnalysis(nowMs, { rolloutMs: nowMs - hourMs });
  });
  const thread = new Thread(t, start);
  await thread.url();
  thread.tell({ type: 'stop' });
  await thread.until(({ type }) => type === 'stopped');
  const kept = onStore(file, (store) => store.loadAnalysis());
  const { atMs, snapshot } = kept ?? assert.fail('nothing was kept');
  const behindMs = atMs - (snapshot as { rolloutMs: number }).rolloutMs;
  // The two are read one after the other.
  assert.ok(atMs >= nowMs && Math.abs(behindMs - hourMs) < 1_000, `${behindMs} ms behind`);
});

test('control thread says why when its port is taken', async (t) => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  t.after(() => blocker.close());
  const { port } = blocker.address() as AddressInfo;
  const start = await startOf(t, `127.0.0.1:${port}`);
  const message = await new Thread(t, start).until(({ type }) => type === 'failed-to-start');
  assert.ok(message.type === 'failed-to-start');
  assert.equal(message.code, 'EADDRINUSE');
});

test('control thread gives up when another has the store, unless it replaces one', async (t) => {
  const start = await startOf(t);
  const owner = new Thread(t, start);
  await owner.url();
  const refused = await new Thread(t, start).until(({ type }) => type === 'failed-to-start');
  assert.ok(refused.type === 'failed-to-start');
  assert.equal(refused.code, 'STORE_IN_USE');
  assert.match(refused.message, /crossover\.db is in use/);
  const replacement = new Thread(t, { ...start, memory: createSharedMemory(1), generation: 1 });
  const ready = await fetch(`${await replacement.url()}/readyz`);
  assert.equal(ready.status, 503);
  await owner.kill();
  await replacement.untilEvent('store-recovered');
});

test('control thread goes on with a store that cannot be locked, and says so', async (t) => {
  const start = await startOf(t);
  mkdirSync(`${start.config.store.sqlite}.lock`);
  const thread = new Thread(t, start);
  await thread.url();
  const told = await thread.untilEvent('store-not-locked');
  assert.ok(told.type === 'log' && told.line.level === 'warn');
  assert.match(
    told.line.message,
    /Nothing keeps another process from using this store too\. .*crossover\.db\.lock/,
  );
});

test('control thread that replaces another waits for its port and publishes the split meanwhile', async (t) => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  const start = await startOf(t, `127.0.0.1:${port}`);
  const thread = new Thread(t, { ...start, generation: 1 });
  await thread.until((message) => message.type === 'log' && /cannot listen yet/.test(message.line.message));
  assert.equal(new SplitCell(start.memory.split).epoch(), 1);
  await new Promise((resolve) => blocker.close(resolve));
  assert.equal(await thread.url(), `http://127.0.0.1:${port}`);
});

test('control thread that replaces another has its port when the system chose it', async (t) => {
  const start = await startOf(t);
  const first = new Thread(t, start);
  const url = await first.url();
  await first.kill();
  const second = new Thread(t, { ...start, generation: 1, controlPorts: [Number(new URL(url).port)] });
  assert.equal(await second.url(), url);
});

test('control thread that replaces another takes any port when the one before has gone to somebody else', async (t) => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  t.after(() => blocker.close());
  const { port } = blocker.address() as AddressInfo;
  const thread = new Thread(t, { ...(await startOf(t)), generation: 1, controlPorts: [port] });
  assert.notEqual(await thread.url(), `http://127.0.0.1:${port}`);
});

test('control thread stops when told to, and answers', async (t) => {
  const thread = new Thread(t, await startOf(t));
  await thread.url();
  thread.tell({ type: 'stop' });
  await thread.until(({ type }) => type === 'stopped');
});

test('control thread tells the workers from when on a request is slow', async (t) => {
  const start = await startOf(t);
  const thread = new Thread(t, start);
  await thread.url();
  countAnswers(start.memory, { arm: X, epoch: 1 }, { status: 200, count: 5_000, ms: 50 });
  const ages = new Float64Array(start.memory.slowThresholds);
  const median = (arm: 0 | 1): number => ages[slowThresholdIndex(arm, 0)] ?? 0;
  await until(() => Math.max(median(X), median(Y)) < Number.POSITIVE_INFINITY, 'the thresholds');
  assert.ok(Math.abs(median(X) - 50) < 2, String(median(X)));
  assert.ok(median(Y) > median(X) && median(Y) < 60, String(median(Y)));
});
