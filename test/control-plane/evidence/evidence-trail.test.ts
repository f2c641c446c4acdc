// The last minutes in memory: what falls out of them, and which routes are the worst.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvidenceTrail, trailMs } from '#src/control-plane/evidence/evidence-trail.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { routesTrackedMax } from '#src/limits.ts';
import { otherRouteSlot } from '#src/shared-memory/layout.ts';

/** A tick of a second; counts by route slot, of which some failed. */
function tick(x: readonly [number, number][], y: readonly [number, number][]): TickSample {
  const arm = (routes: readonly [number, number][]): ArmSample => {
    const sample = new ArmSample();
    for (const [slot, [requests, failures]] of routes.entries()) {
      sample.requests += requests;
      sample.failures += failures;
      sample.routeRequests[slot] = requests;
      sample.routeFailures[slot] = failures;
    }
    return sample;
  };
  return { atMs: 0, dtMs: 1_000, epochs: [{ epoch: 1, weightPpm: 1, x: arm(x), y: arm(y) }] };
}

/** Every slot has a route: r0, r1, … */
const slots = named(Array.from({ length: routesTrackedMax }, (_, slot) => `r${slot}`));

/** Configured routes, in the order of their slots. */
function named(names: readonly string[]): RouteSlots {
  const routes = names.map((name, slot) => ({ slot, name, host: null, pathPrefix: '/', methods: null }));
  return { kind: 'patterns', routes };
}

test('evidence trail gathers ticks in pieces of ten seconds and says how long each was', () => {
  const trail = new EvidenceTrail();
  for (let second = 1; second <= 25; second++)
    trail.add(tick([[10, 1]], [[2, 0]]), second * 1_000, null, slots);
  const windows = trail.windows();
  assert.deepEqual(
    windows.map(({ atMs, durationMs, x, y }) => [atMs, durationMs, x.requests, x.failures, y.requests]),
    [
      [9_000, 9_000, 90, 9, 18],
      [19_000, 10_000, 100, 10, 20],
      [25_000, 6_000, 60, 6, 12],
    ],
  );
});

test('evidence trail forgets what is older than its length, also when the clock jumps', () => {
  const trail = new EvidenceTrail();
  trail.add(tick([[0, 0]], [[7, 7]]), 1_000, null, slots);
  for (let second = 1; second <= trailMs / 1_000; second++)
    trail.add(tick([[1, 0]], [[1, 0]]), -second, null, slots);
  assert.deepEqual(trail.worstRoutes(null), []);
  assert.equal(trail.windows().length, 30);
  assert.ok(trail.windows().every(({ y }) => y.failures === 0));
});

test('evidence trail has no traffic of a time in which nothing came', () => {
  const trail = new EvidenceTrail();
  trail.add(tick([[1, 0]], [[1, 1]]), 1_000, null, slots);
  for (let second = 2; second <= 2 * (trailMs / 1_000); second++)
    trail.add(tick([], []), second * 1_000, null, slots);
  assert.deepEqual(trail.windows(), []);
});

test('evidence trail names routes by the failures that X does not explain', () => {
  const trail = new EvidenceTrail();
  const x: [number, number][] = [
    [1_000, 500],
    [1_000, 0],
    [0, 0],
    [1_000, 10],
  ];
  const y: [number, number][] = [
    [100, 50],
    [100, 20],
    [10, 5],
    [100, 0],
  ];
  trail.add(tick(x, y), 1_000, null, slots);
  assert.deepEqual(
    trail.worstRoutes(null).map(({ route, y: { failures } }) => [route, failures]),
    [
      ['r1', 20],
      ['r2', 5],
      ['r0', 50],
    ],
  );
});

test('evidence trail keeps to the worst ten routes when many fail', () => {
  const trail = new EvidenceTrail();
  const failing = Array.from({ length: otherRouteSlot + 1 }, (_, slot): [number, number] => [100, slot]);
  trail.add(tick([], failing), 1_000, null, slots);
  const routes = trail.worstRoutes(null);
  assert.deepEqual([routes.length, routes[0]?.route], [10, 'all other routes']);
});

test('evidence trail names no route for what failed before the rollout began', () => {
  const trail = new EvidenceTrail();
  trail.add(tick([[100, 0]], [[100, 90]]), 1_000, 'first', slots);
  trail.add(
    tick(
      [
        [100, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [10, 3],
      ],
    ),
    2_000,
    'second',
    slots,
  );
  assert.equal(trail.beganMs, 1_000);
  assert.deepEqual(trail.worstRoutes('second'), [
    { route: 'r1', x: { requests: 0, failures: 0 }, y: { requests: 10, failures: 3 } },
  ]);
  assert.deepEqual(trail.worstRoutes('third'), []);
});

test('evidence trail keeps the names that routes had when their slots go to others', () => {
  const trail = new EvidenceTrail();
  trail.add(
    tick(
      [],
      [
        [10, 10],
        [10, 8],
      ],
    ),
    1_000,
    'one',
    named(['pay', 'users']),
  );
  trail.add(
    tick(
      [],
      [
        [10, 1],
        [10, 2],
      ],
    ),
    2_000,
    'one',
    named(['users', 'orders']),
  );
  assert.equal(trail.beganMs, 0);
  assert.deepEqual(
    trail.worstRoutes('one').map(({ route, y }) => [route, y.requests, y.failures]),
    [
      ['pay', 10, 10],
      ['users', 20, 9],
      ['orders', 10, 2],
    ],
  );
});

test('evidence trail names routes that got their slots while they were counted', () => {
  const trail = new EvidenceTrail();
  const [users, orders] = ['users', 'orders'].map((name, slot) => ({ slot, name, key: slot + 1 }));
  assert.ok(users !== undefined && orders !== undefined);
  trail.add(tick([], [[10, 2]]), 1_000, 'one', { kind: 'derived', routes: [users] });
  trail.add(
    tick(
      [],
      [
        [10, 2],
        [10, 1],
      ],
    ),
    2_000,
    'one',
    { kind: 'derived', routes: [users, orders] },
  );
  assert.equal(trail.windows().length, 1);
  assert.deepEqual(
    trail.worstRoutes('one').map(({ route, y: { failures } }) => [route, failures]),
    [
      ['users', 4],
      ['orders', 1],
    ],
  );
});

test('evidence trail forgets whose the slots of recorded traffic were when nobody has them now', () => {
  const counters = { requests: 20, failures: 9, routeRequests: [0, 10, 0, 10], routeFailures: [0, 4, 0, 5] };
  const restored = (now: RouteSlots) => {
    const trail = new EvidenceTrail();
    const epochs = [{ epoch: 1, weightPpm: 1, x: {}, y: counters }];
    const rollout = { id: 'one', phase: 'ramping', stepIndex: 0, weightPpm: 1, nextWeightPpm: 2 } as const;
    trail.restore([{ atMs: 1_000, dtMs: 1_000, rollout, epochs }], now);
    assert.equal(trail.windows()[0]?.y.failures, 9);
    return trail.worstRoutes('one').map(({ route, y: { failures } }) => [route, failures]);
  };
  assert.deepEqual(restored({ kind: 'derived', routes: [] }), []);
  assert.deepEqual(restored(named(['users'])), [['users', 4]]);
});
