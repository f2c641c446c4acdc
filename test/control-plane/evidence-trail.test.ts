// The last minutes in memory: what falls out of them, and which routes are the worst.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvidenceTrail, trailMs } from '#src/control-plane/evidence/evidence-trail.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
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

const nameOf = (slot: number): string => `r${slot}`;

test('evidence trail gathers ticks in pieces of ten seconds and says how long each was', () => {
  const trail = new EvidenceTrail();
  for (let second = 1; second <= 25; second++) trail.add(tick([[10, 1]], [[2, 0]]), second * 1_000);
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
  trail.add(tick([[0, 0]], [[7, 7]]), 1_000);
  for (let second = 1; second <= trailMs / 1_000; second++) trail.add(tick([[1, 0]], [[1, 0]]), -second);
  assert.deepEqual(trail.worstRoutes(nameOf), []);
  assert.equal(trail.windows().length, 30);
  assert.ok(trail.windows().every(({ y }) => y.failures === 0));
});

test('evidence trail has no traffic of a time in which nothing came', () => {
  const trail = new EvidenceTrail();
  trail.add(tick([[1, 0]], [[1, 1]]), 1_000);
  for (let second = 2; second <= 2 * (trailMs / 1_000); second++) trail.add(tick([], []), second * 1_000);
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
  trail.add(tick(x, y), 1_000);
  assert.deepEqual(
    trail.worstRoutes(nameOf).map(({ route, y: { failures } }) => [route, failures]),
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
  trail.add(tick([], failing), 1_000);
  const routes = trail.worstRoutes(nameOf);
  assert.deepEqual([routes.length, routes[0]?.route], [10, `r${otherRouteSlot}`]);
});
