import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { HealthChecks } from '#src/control-plane/nodes/health-checks.ts';
import { NodeDirectory } from '#src/control-plane/nodes/node-directory.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { X } from '#src/shared-memory/layout.ts';
import type { NodeAssignment } from '#src/shared-memory/messages.ts';
import { createSharedMemory, nodeHealth, nodeHealthIndex } from '#src/shared-memory/shared-memory.ts';
import { hangMs } from '../../support/until.ts';

const settings = { path: '/status', intervalMs: 5, timeoutMs: hangMs, unhealthyAfter: 3, healthyAfter: 2 };

const node = (port: number, slot = 0): NodeAssignment => ({
  slot,
  id: `127.0.0.1:${port}`,
  host: '127.0.0.1',
  port,
  draining: false,
});

/** Probes only when told to, unless it is to probe by itself: its timers then wait for weeks. */
const onDemand = () => 1_000_000;

function rig(
  t: TestContext,
  nodes: readonly NodeAssignment[],
  overrides: Partial<typeof settings> = {},
  random = onDemand,
) {
  const memory = createSharedMemory(1);
  const directory = new NodeDirectory(memory, { x: nodes, y: [] });
  const events = new EventLog({ epochMs: () => 0, log: () => {} });
  const health = new HealthChecks({
    directory,
    events,
    settings: () => ({ ...settings, ...overrides }),
    random,
  });
  t.after(() => health.stop());
  const stateOf = (slot: number) => new Int32Array(memory.nodeHealth)[nodeHealthIndex(X, slot)];
  const nextEvent = (): Promise<RecordedEvent> =>
    new Promise((resolve) => {
      const unsubscribe = events.subscribe((event) => {
        unsubscribe();
        resolve(event);
      });
    });
  return { directory, events, health, stateOf, nextEvent };
}

async function listening(
  t: TestContext,
  server: Server | ReturnType<typeof createTcpServer>,
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A node whose status the test sets, and the paths it was asked for. */
async function kong(t: TestContext) {
  const state = { status: 200, paths: [] as string[] };
  const server = createServer((request, response) => {
    state.paths.push(`${request.method} ${request.url}`);
    response.writeHead(state.status).end('body');
  });
  return { state, port: await listening(t, server) };
}

for (const status of [200, 302, 401, 404]) {
  test(`health check finds a node healthy when it answers ${status}`, async (t) => {
    const { state, port } = await kong(t);
    state.status = status;
    const { health, stateOf } = rig(t, [node(port)]);
    health.start();
    await health.probeAll();
    assert.equal(stateOf(0), nodeHealth.healthy);
    assert.equal(state.paths[0], 'GET /status');
  });
}

test('health check finds a node unhealthy after enough failures in a row, and says why', async (t) => {
  const { state, port } = await kong(t);
  const { health, stateOf, nextEvent } = rig(t, [node(port)]);
  health.start();
  await health.probeAll();
  state.status = 503;
  const event = nextEvent();
  await health.probeAll();
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.healthy);
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  const { name, text } = await event;
  assert.equal(name, 'node-unhealthy');
  assert.match(text, /unhealthy: it answered 503/);
});

test('health check needs successes in a row before a node is healthy again', async (t) => {
  const { state, port } = await kong(t);
  const { health, stateOf } = rig(t, [node(port)]);
  health.start();
  state.status = 500;
  for (let probe = 0; probe < 3; probe++) await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  state.status = 200;
  await health.probeAll();
  state.status = 500;
  await health.probeAll();
  state.status = 200;
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.healthy);
});

test('health check probes by itself, in intervals', async (t) => {
  const { state, port } = await kong(t);
  const { health, nextEvent } = rig(t, [node(port)], {}, () => 0);
  state.status = 500;
  health.start();
  const { name } = await nextEvent();
  assert.equal(name, 'node-unhealthy');
  assert.ok(state.paths.length >= 3);
});

test('health check finds a node unhealthy when nothing listens', async (t) => {
  const closed = createTcpServer();
  const port = await new Promise<number>((resolve) =>
    closed.listen(0, '127.0.0.1', () => resolve((closed.address() as AddressInfo).port)),
  );
  await new Promise((resolve) => closed.close(resolve));
  const { health, stateOf } = rig(t, [node(port)]);
  health.start();
  for (let probe = 0; probe < 3; probe++) await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
});

test('health check finds a node unhealthy when it accepts and stays silent', async (t) => {
  const silent = createTcpServer((socket) => socket.on('error', () => {}));
  const port = await listening(t, silent);
  const { directory, health, stateOf, nextEvent } = rig(t, [node(port)], { timeoutMs: 20 });
  directory.setHealth(X, 0, nodeHealth.healthy);
  health.start();
  const event = nextEvent();
  for (let probe = 0; probe < 3; probe++) await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  assert.match((await event).text, /unhealthy: no answer within 20 ms/);
});

test('health check that meets a shortage of ours says nothing about its node, and is counted', async (t) => {
  const { state, port } = await kong(t);
  const { health, stateOf } = rig(t, [node(port)]);
  health.start();
  await health.probeAll();
  state.status = 500;
  await health.probeAll();
  await health.probeAll();
  const shortage = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
  const connects = t.mock.method(Socket.prototype, 'connect', function (this: Socket) {
    return this.destroy(shortage);
  });
  for (let probe = 0; probe < 5; probe++) await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.healthy);
  assert.deepEqual([...health.shortages], [['descriptors', 5]]);
  connects.mock.restore();
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy, 'the failures before and after are in a row');
});

test('health check that is stopped lets go of the probes that are under way', async (t) => {
  let closed = (): void => {};
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const silent = createTcpServer((socket) => socket.on('error', () => {}).on('close', closed));
  const port = await listening(t, silent);
  const accepted = once(silent, 'connection');
  const { health } = rig(t, [node(port)], { timeoutMs: 3_600_000 });
  health.start();
  const probing = health.probeAll();
  await accepted;
  health.stop();
  await Promise.all([probing, isClosed]);
});

test('health check follows the node list and forgets what it knew of a slot', async (t) => {
  const first = await kong(t);
  const second = await kong(t);
  first.state.status = 500;
  const { directory, health, stateOf } = rig(t, [node(first.port, 3)]);
  health.start();
  for (let probe = 0; probe < 3; probe++) await health.probeAll();
  assert.equal(stateOf(3), nodeHealth.unhealthy);
  directory.replace({ x: [node(second.port, 3)], y: [] });
  assert.equal(stateOf(3), nodeHealth.unknown);
  await health.probeAll();
  assert.equal(stateOf(3), nodeHealth.healthy);
  directory.replace({ x: [node(second.port, 4)], y: [] });
  assert.equal(stateOf(3), nodeHealth.unknown);
});

test('health check of a new control thread keeps what the old one found', async (t) => {
  const { port } = await kong(t);
  const { directory, health, stateOf } = rig(t, [node(port)]);
  directory.setHealth(X, 0, nodeHealth.unhealthy);
  health.start();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.unhealthy);
  await health.probeAll();
  assert.equal(stateOf(0), nodeHealth.healthy);
});
