// Routes compared one by one, by themselves and where a bad one is parked. Traffic is seeded: 1,000 requests
// a second with 10 % on Y.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Analysis } from '#src/core/analysis/analysis.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { PPM } from '#src/limits.ts';
import {
  equalRoutes,
  isRevert,
  type RouteScenario,
  RouteTraffic,
  type SimulatedRoute,
} from '../route-traffic.ts';
import { quantile, thresholds } from '../traffic.ts';

const usual = { pX: 0.001, pY: 0.001 };
/** `users` has the share, and fails on Y at the rate; the rest is fine. */
const oneBad = (share: number, pY: number): SimulatedRoute[] => [
  { name: 'users', share, pX: 0.001, pY },
  { name: 'rest', share: 1 - share, ...usual },
];
const park = { goal: 'step', onBadRoute: 'park' } as const;
const revert = { goal: 'step' } as const;

function secondsToRevert(share: number, runs: number, scenario: Partial<RouteScenario> = {}): number[] {
  return Array.from({ length: runs }, (_, i) => {
    const traffic = new RouteTraffic({ seed: i + 1, routes: oneBad(share, 0.5), ...scenario });
    const { stopped, seconds } = traffic.until(300, revert, isRevert);
    return stopped ? seconds : Number.POSITIVE_INFINITY;
  });
}

test('a route of 1 % of the traffic that fails half of its requests is found within 30 seconds', () => {
  const seconds = secondsToRevert(0.01, 20);
  assert.ok(quantile(seconds, 0.95) <= 30, `${seconds}`);
});

test('a route of 0.1 % of the traffic that fails half of its requests is found within 240 seconds', () => {
  const seconds = secondsToRevert(0.001, 20);
  assert.ok(quantile(seconds, 0.95) <= 240, `${seconds}`);
});

test('a revert names the route when it is the cause', () => {
  const traffic = new RouteTraffic({ seed: 3, routes: oneBad(0.002, 0.5) });
  const { verdict } = traffic.until(300, revert, isRevert);
  assert.equal(verdict.decision, 'revert');
  assert.equal(verdict.cause, 'route.users');
  assert.match(
    verdict.text,
    /^route users: errors [\d.]+ % on Y against [\d.]+ % on X over \d+ and \d+ requests; all other routes look as they may; the chance/,
  );
});

test('a revert for the errors of all requests names the route that they are on', () => {
  const traffic = new RouteTraffic({ seed: 4, routes: oneBad(0.1, 0.5) });
  const { verdict, seconds } = traffic.until(60, revert, isRevert);
  assert.ok(seconds <= 4);
  assert.equal(verdict.cause, 'route.users');
  assert.match(
    verdict.text,
    /^route users: errors .*; all other routes look as they may; the chance of this/,
  );
});

test('a revert names no route when Y fails on all of them', () => {
  const dead = [0.6, 0.3, 0.1].map((share, at) => ({ name: `r${at}`, share, pX: 0.001, pY: 1 }));
  for (let seed = 1; seed <= 5; seed++) {
    const traffic = new RouteTraffic({ seed, routes: dead });
    const { verdict } = traffic.until(60, revert, isRevert);
    assert.equal(verdict.cause, 'errors', `seed ${seed}: ${verdict.text}`);
    assert.match(verdict.text, /^errors 100 % on Y/);
  }
});

test('a route is judged by the tolerance of all requests when that is more than a tenth of a point', () => {
  const errorRate = { ...thresholds.errorRate, timesX: 1.1, overX: 0.01 };
  const wide = { thresholds: { errorRate }, weight: 0.5 };
  const within = new RouteTraffic({ seed: 5, routes: oneBad(1, 0.006), ...wide });
  assert.equal(within.until(120, revert, isRevert).stopped, false);
  const beyond = new RouteTraffic({ seed: 5, routes: oneBad(1, 0.03), ...wide });
  assert.equal(beyond.until(120, revert, isRevert).stopped, true);
});

test('no Y like X is reverted when it has many routes', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const routes = [...equalRoutes(20, 0.001), ...equalRoutes(20, 0.01)].map((route, i) => ({
      ...route,
      name: `r${i}`,
      share: route.share / 2,
    }));
    const { stopped, verdict } = new RouteTraffic({ seed, routes }).until(120, revert, isRevert);
    assert.equal(stopped, false, verdict.text);
  }
});

test('a bad route is parked and not reverted when bad routes are parked, whatever its share', () => {
  for (const [share, rate] of [
    [0.01, 0.5],
    [0.1, 0.5],
    [0.1, 1],
    [0.3, 0.2],
  ] as const) {
    for (let seed = 1; seed <= 4; seed++) {
      const traffic = new RouteTraffic({ seed, routes: oneBad(share, rate) });
      const ended = traffic.until(
        120,
        park,
        ({ decision, badRoutes }) => decision === 'revert' || badRoutes !== undefined,
      );
      const where = `share ${share}, rate ${rate}, seed ${seed}: ${ended.verdict.text}`;
      assert.equal(ended.verdict.decision, 'hold', where);
      assert.deepEqual(
        ended.verdict.badRoutes?.map(({ slot, name }) => [slot, name]),
        [[0, 'users']],
        where,
      );
      assert.match(ended.verdict.text, /^route users: errors .*; all other routes look as they may$/);
    }
  }
});

test('a bad route is parked and not reverted when there is little traffic', () => {
  for (const [rps, weight, share, rate] of [
    [165, 0.1, 1 / 3, 0.5],
    [30, 0.25, 0.2, 1],
  ] as const) {
    for (let seed = 1; seed <= 20; seed++) {
      const traffic = new RouteTraffic({ seed, routes: oneBad(share, rate), rps, weight });
      const { verdict } = traffic.until(120, park, (one) => isRevert(one) || one.badRoutes !== undefined);
      assert.equal(verdict.decision, 'hold', `${rps} rps, seed ${seed}: ${verdict.text}`);
    }
  }
});

test('a route that breaks after five minutes is parked, and not what brings the rollout down', () => {
  for (const [share, rate] of [
    [0.2, 1],
    [0.05, 1],
    [0.1, 0.2],
    [0.4, 0.1],
  ] as const) {
    for (const weight of [0.1, 0.5]) {
      const traffic = new RouteTraffic({ seed: 2, routes: oneBad(share, 0.001), weight });
      assert.equal(traffic.until(300, park, isRevert).stopped, false);
      traffic.routes = oneBad(share, rate);
      const ended = traffic.until(
        60,
        park,
        ({ decision, badRoutes }) => decision === 'revert' || badRoutes !== undefined,
      );
      const where = `share ${share}, rate ${rate}, weight ${weight}: ${ended.verdict.text}`;
      assert.deepEqual(
        ended.verdict.badRoutes?.map(({ name }) => name),
        ['users'],
        where,
      );
      assert.ok(ended.seconds <= 20, `${where}: ${ended.seconds} s`);
    }
  }
});

test('the rest goes on when a bad route was parked, and is reverted when it goes bad itself', () => {
  const traffic = new RouteTraffic({ seed: 5, routes: oneBad(0.1, 0.5) });
  traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  traffic.names.park('users', true);
  traffic.analysis.routeParked(traffic.tick.atMs);
  const calm = traffic.until(120, park, ({ decision }) => decision !== 'hold');
  assert.equal(calm.verdict.decision, 'advance', calm.verdict.text);
  assert.ok(calm.verdict.streams.every(({ stream }) => stream !== 'route.users'));
  traffic.routes = oneBad(0.1, 0.5).map((route) => ({ ...route, pY: 0.3 }));
  const failed = traffic.until(60, park, isRevert);
  assert.equal(failed.stopped, true);
  assert.ok(failed.seconds < 20);
});

test('an advance rests on what came after the parking, and shows no counts from before it', () => {
  const traffic = new RouteTraffic({ seed: 5, routes: oneBad(0.1, 0.5) });
  const found = traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  const errorsOf = ({ streams }: Verdict) => streams.find(({ stream }) => stream === 'errors');
  assert.ok((errorsOf(found.verdict)?.y.failures ?? 0) > 5);
  traffic.names.park('users', true);
  traffic.analysis.routeParked(traffic.tick.atMs);
  const now = errorsOf(traffic.assess(park));
  assert.deepEqual([now?.x.requests, now?.y.requests, (now?.logSafe ?? 1) <= 0], [0, 0, true]);
  const { verdict } = traffic.until(120, park, ({ decision }) => decision === 'advance');
  const { y } = errorsOf(verdict) ?? assert.fail();
  assert.ok(y.rate < 0.01, verdict.text);
  assert.match(verdict.text, /^errors 0(\.\d+)? % on Y against/);
});

test('a route that comes back begins the step anew: nothing from before speaks for an advance, or against the route', () => {
  const traffic = new RouteTraffic({ seed: 5, routes: oneBad(0.1, 0.5) });
  traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  traffic.names.park('users', true);
  traffic.analysis.routeParked(traffic.tick.atMs);
  traffic.until(120, park, ({ decision }) => decision === 'advance');
  traffic.names.park('users', false);
  traffic.analysis.resetStep(PPM, traffic.tick.atMs);
  for (const goal of ['step', 'soak'] as const) {
    const { rule, badRoutes, streams } = traffic.assess({ goal, onBadRoute: 'park' });
    assert.deepEqual([rule, badRoutes, streams[0]?.y.requests], ['no-data', undefined, 0]);
  }
  // A restart at this very moment brings back nothing either.
  const next = new Analysis(thresholds, traffic.names);
  assert.ok(next.restore(JSON.parse(JSON.stringify(traffic.analysis.snapshot()))));
  assert.equal(next.assess(park).badRoutes, undefined);
  assert.ok(next.assess(park).streams.every(({ stream }) => stream !== 'route.users'));
  const again = traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  assert.equal(again.stopped, true, 'it is still broken, and parked again');
});

test('a Y that fails on all routes is reverted as fast when bad routes are parked', () => {
  for (const count of [1, 2, 5, 20]) {
    const routes = equalRoutes(count).map((route) => ({ ...route, pY: 0.3 }));
    const { stopped, seconds } = new RouteTraffic({ seed: 1, routes }).until(30, park, isRevert);
    assert.ok(stopped && seconds <= 4, `${count} routes: ${seconds} s`);
  }
});

test('requests of a parked route that are still under way count nowhere', () => {
  const traffic = new RouteTraffic({ seed: 6, routes: oneBad(0.1, 0.001) });
  traffic.until(20, park, () => false);
  traffic.names.park('users', true);
  traffic.analysis.routeParked(traffic.tick.atMs);
  const [epoch] = traffic.tick.epochs;
  assert.ok(epoch !== undefined);
  const before = traffic.assess().streams[0];
  Object.assign(epoch.y, { requests: 40, failures: 40 });
  epoch.y.routeRequests.fill(0)[0] = 40;
  epoch.y.routeFailures.fill(0)[0] = 40;
  Object.assign(epoch.x, { requests: 0, failures: 0 });
  epoch.x.routeRequests.fill(0);
  epoch.x.routeFailures.fill(0);
  traffic.tick.atMs += 250;
  traffic.analysis.update(traffic.tick);
  const after = traffic.assess().streams[0];
  assert.equal(before?.stream, 'errors');
  assert.deepEqual([after?.y, after?.logWorse], [before?.y, before?.logWorse]);
});

test('a route that was unparked is judged by what it does from then on', () => {
  const traffic = new RouteTraffic({ seed: 7, routes: oneBad(0.05, 0.5) });
  traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  traffic.names.park('users', true);
  traffic.analysis.routeParked(traffic.tick.atMs);
  traffic.until(10, park, () => false);
  traffic.names.park('users', false);
  traffic.routes = oneBad(0.05, 0.001);
  const fixed = traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined);
  assert.equal(fixed.stopped, false);
  traffic.routes = oneBad(0.05, 0.5);
  assert.equal(traffic.until(60, park, ({ badRoutes }) => badRoutes !== undefined).stopped, true);
});

test('a slot that gets another route keeps nothing against it', () => {
  const traffic = new RouteTraffic({ seed: 8, routes: oneBad(0.01, 0.5) });
  traffic.until(60, revert, ({ cause }) => cause === 'route.users');
  traffic.names.names[0] = 'orders';
  traffic.names.revision++;
  traffic.routes = oneBad(0.01, 0.001);
  traffic.next();
  const { cause, streams } = traffic.assess();
  assert.notEqual(cause, 'route.orders');
  assert.ok(streams.every(({ stream }) => !stream.startsWith('route.')));
});

test('evidence on routes survives a restart, also when slots were handed out anew', () => {
  const whole = new RouteTraffic({ seed: 9, routes: oneBad(0.01, 0.3) });
  whole.until(60, revert, ({ streams }) =>
    streams.some(({ stream, logWorse }) => stream === 'route.users' && logWorse > 2),
  );
  const snapshot = JSON.parse(JSON.stringify(whole.analysis.snapshot()));
  const of = (traffic: RouteTraffic) =>
    traffic.assess().streams.find(({ stream }) => stream === 'route.users');
  const second = new RouteTraffic({ seed: 10, routes: [] });
  second.names.names.push('rest', 'users');
  second.names.revision++;
  assert.equal(second.analysis.restore(snapshot), true);
  assert.deepEqual(of(second), of(whole));
  // A route that has no slot yet waits for it.
  const third = new RouteTraffic({ seed: 10, routes: [] });
  assert.equal(third.analysis.restore(snapshot), true);
  assert.equal(of(third), undefined);
  third.names.names.push('users', 'rest');
  third.names.revision++;
  third.next();
  assert.deepEqual(of(third)?.logWorse, of(whole)?.logWorse);
});
