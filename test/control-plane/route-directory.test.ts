// Slots of routes that are seen in the traffic: paths come from clients, so nobody may have them for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouteDirectory } from '#src/control-plane/routes/route-directory.ts';
import { ArmSample } from '#src/core/telemetry/sample.ts';
import { routeIdleMs, routesTrackedMax } from '#src/limits.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';

function full() {
  const routes = new RouteDirectory(
    { kind: 'derived', routes: [] },
    createSharedMemory(1).parkedRoutes,
    () => {},
  );
  for (let key = 0; key < routesTrackedMax; key++) routes.seen(key, `a/${key}`);
  const observe = (atMs: number, used: (slot: number) => number) => {
    const x = new ArmSample();
    for (let slot = 0; slot < routesTrackedMax; slot++) x.routeRequests[slot] = used(slot);
    routes.observe({ atMs, dtMs: 250, epochs: [{ epoch: 1, weightPpm: 0, x, y: new ArmSample() }] });
  };
  return { routes, observe };
}

test('an idle route gives its slot to one that is seen, a used, a parked or an unknown one does not', () => {
  const { routes, observe } = full();
  routes.seen(1_000, 'new');
  assert.equal(routes.count, routesTrackedMax);
  observe(0, () => 100);
  routes.seen(1_000, 'new');
  observe(routeIdleMs, (slot) => (slot === 9 || slot === 11 ? 0 : 100));
  routes.seen(1_000, 'new');
  assert.equal(routes.nameOf(9), 'a/9', 'it was used in the span before');
  observe(2 * routeIdleMs, (slot) => (slot === 9 || slot === 11 ? 1 : 100));
  routes.park('a/11', true);
  routes.seen(1_000, 'new');
  assert.equal(routes.nameOf(9), 'new');
  assert.equal(routes.nameOf(11), 'a/11');
  routes.seen(1_001, 'newer');
  assert.equal(routes.nameOf(9), 'new', 'a slot that was just given away is not idle');
  assert.equal(new Set(routes.slots.routes.map(({ slot }) => slot)).size, routesTrackedMax);
  routes.seen(9, 'a/9');
  assert.ok(!routes.slots.routes.some(({ name }) => name === 'a/9'));
});

test('after a restart of the thread no slot is given away before the use of all is known', () => {
  const { routes, observe } = full();
  observe(0, () => 0);
  observe(routeIdleMs - 1, () => 0);
  routes.seen(1_000, 'new');
  assert.ok(!routes.slots.routes.some(({ name }) => name === 'new'));
  observe(routeIdleMs, () => 0);
  routes.seen(1_000, 'new');
  assert.ok(routes.slots.routes.some(({ name }) => name === 'new'));
});
