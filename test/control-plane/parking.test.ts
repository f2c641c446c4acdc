// Routes parked on X through the control plane: carried out before they are recorded, and again after a
// restart.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '#src/config/config.ts';
import { parseConfig } from '#src/config/load.ts';
import { assembleDecision } from '#src/control-plane/assemble-decision.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import type { RolloutService } from '#src/control-plane/rollout/rollout-service.ts';
import { SplitPublisher } from '#src/control-plane/rollout/split-publisher.ts';
import { RouteDirectory } from '#src/control-plane/routes/route-directory.ts';
import { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { RolloutEvent } from '#src/core/rollout/rollout-event.ts';
import type { FromControl } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { startControl } from './support/control-rig.ts';
import { DirectPort } from './support/direct-port.ts';
import { testThresholds } from './support/loop-rig.ts';
import { badRouteVerdict, testPlan } from './support/states.ts';
import { quickFolder } from './support/temp-folder.ts';

const atMs = 1_700_000_000_000;
const clock = { monotonicMs: () => 1, epochMs: () => atMs };

/** A process: its routes come in an order of its own. */
function startProcess(t: TestContext, database: string, names: readonly string[], memory: SharedMemory) {
  const events = new EventLog({ epochMs: () => atMs, log: () => {} });
  const store = new DurableStore({
    port: DirectPort.on(database),
    file: database,
    onChange: () => {},
    reconcileIds: (lastId, firstId) => events.reconcileIds(lastId, firstId),
  });
  t.after(() => store.close(1_000));
  const routes = new RouteDirectory({ kind: 'derived', routes: [] }, memory.parkedRoutes, () => {});
  routes.usePatterns(names.map((name) => ({ name, host: null, pathPrefix: `/${name}`, methods: null })));
  const told: string[] = [];
  const { assessor, rollout: service } = assembleDecision({
    clock,
    source: { sample: () => assert.fail('nothing ticks') },
    sink: new SplitPublisher(new SplitCell(memory.split)),
    store,
    events,
    thresholds: testThresholds,
    businessMetrics: [],
    routes,
    startChecks: async () => [],
    keepsLower: false,
    rolloutTime: memory.rolloutTime,
    keptTime: () => null,
    breakers: { openMs: () => 0 },
    nodes: { usableCount: () => 1 },
    signals: null,
    evidence: { observe() {}, onTransition: ({ name }) => told.push(name) },
  });
  t.mock.method(assessor, 'resetStep', () => told.push(`reset-step, parked: ${routes.isParked(0)}`));
  t.mock.method(assessor, 'routeParked', () => told.push('analysis'));
  service.resume();
  return { service, routes, store, told };
}

/** At the first step of a rollout that parks bad routes. */
function begin(service: RolloutService): void {
  const plan = { ...testPlan, onBadRoute: 'park' as const };
  assert.ok(service.dispatch({ type: 'start', atMs, plan }).ok);
  assert.ok(service.dispatch({ type: 'preflight-passed', atMs }).ok);
}

const facts = { breakerOpenMs: 0, healthyNodesX: 1, healthyNodesY: 1, storeWritable: true };
const badTick = (name: string, slot: number): RolloutEvent => ({
  type: 'tick',
  atMs,
  verdict: badRouteVerdict(name, slot),
  facts,
});
const unpark = (route: string): RolloutEvent => ({
  type: 'unpark',
  atMs,
  route,
  actor: 'ana',
  reason: 'fixed',
});

test('a bad route is parked, stays parked over restarts, and is given back by an operator', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const memory = createSharedMemory(1);
  const first = startProcess(t, database, ['users', 'orders'], memory);
  begin(first.service);
  assert.ok(first.service.dispatch(badTick('orders', 1)).ok);
  assert.equal(first.routes.isParked(1), true);
  assert.deepEqual(first.told.slice(-2), ['analysis', 'route-parked']);
  // The same process with a new control thread, and another process in which the slots differ.
  const second = startProcess(t, database, ['users', 'orders'], memory);
  assert.deepEqual([second.routes.isParked(0), second.routes.isParked(1)], [false, true]);
  const third = startProcess(t, database, ['orders', 'users'], createSharedMemory(1));
  assert.deepEqual([third.routes.isParked(0), third.routes.isParked(1)], [true, false]);
  assert.ok(!third.service.dispatch(unpark('users')).ok);
  assert.ok(third.service.dispatch(unpark('orders')).ok);
  assert.equal(third.routes.isParked(0), false);
  assert.equal(third.service.state.parked, undefined);
  assert.deepEqual(third.told.slice(-2), ['reset-step, parked: false', 'route-unparked']);
});

test('a route is parked while the store is down, and given back only when it is recorded', (t) => {
  const database = join(quickFolder(t), 'crossover.db');
  const process = startProcess(t, database, ['users'], createSharedMemory(1));
  begin(process.service);
  process.store.close(1_000);
  assert.ok(process.service.dispatch(badTick('users', 0)).ok);
  assert.equal(process.routes.isParked(0), true);
  const outcome = process.service.dispatch(unpark('users'));
  assert.ok(!outcome.ok && outcome.kind === 'store');
  assert.equal(process.routes.isParked(0), true);
  assert.equal(process.service.state.parked?.length, 1);
});

test('configured routes take over when the config is reloaded, and those that are seen when they go', async (t) => {
  const rig = await startControl(t);
  const withRoutes = parseConfig(
    `clusters:
  x: { nodes: ["http://127.0.0.1:1"] }
  y: { nodes: ["http://127.0.0.1:2"] }
routing: { routes: [{ name: checkout, pathPrefix: /checkout }] }
`,
    'test.yaml',
    {},
  );
  assert.ok(withRoutes.ok);
  const routesPosted = (kind: string) =>
    rig.untilPosted(
      (message): message is Extract<FromControl, { type: 'routes' }> =>
        message.type === 'routes' && message.routes.kind === kind,
    );
  const configure = (config: Config, configRevision: number) =>
    rig.tell({
      type: 'configure',
      config,
      configRevision,
      nodes: { x: [], y: [] },
      changed: ['routing.routes'],
    });
  configure(withRoutes.config, 2);
  const { routes } = await routesPosted('patterns');
  assert.deepEqual(
    routes.routes.map(({ slot, name }) => [slot, name]),
    [[0, 'checkout']],
  );
  configure({ ...withRoutes.config, routing: { ...withRoutes.config.routing, routes: [] } }, 3);
  assert.deepEqual((await routesPosted('derived')).routes.routes, []);
});

test('a route that is not parked can not be taken back', async (t) => {
  const rig = await startControl(t);
  const refused = await rig.call('POST', '/v1/rollout/unpark', { body: { route: 'users' } });
  assert.equal(refused.status, 409);
  assert.equal(refused.json.detail, 'cannot unpark users: it is not parked; no route is');
  assert.equal((await rig.call('POST', '/v1/rollout/unpark', { body: {} })).status, 400);
});
