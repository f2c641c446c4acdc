// Under sticky routing a client that fails all the time is one event, however many requests it sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { UserClusters } from '#src/core/analysis/clustering/user-clusters.ts';
import { ArmSample } from '#src/core/telemetry/sample.ts';
import { equalRoutes, type HeavyUser, isRevert, RouteTraffic } from '../route-traffic.ts';
import { quantile } from '../traffic.ts';

function arm(requests: readonly number[], failures: readonly number[]): ArmSample {
  const sample = new ArmSample();
  sample.userRequests.set(requests);
  sample.userFailures.set(failures);
  return sample;
}

const even = (count: number): number[] => Array.from({ length: 16 }, () => count);

test('failures that all users share are not deflated, those of one are', () => {
  const clusters = new UserClusters(1_000);
  assert.equal(clusters.deflation(0), 1);
  clusters.add(500, arm(even(100), even(5)));
  assert.equal(clusters.deflation(0), 1);
  const one = new UserClusters(1_000);
  one.add(
    500,
    arm(
      even(100),
      even(0).map((_, bucket) => (bucket === 3 ? 80 : 0)),
    ),
  );
  // By hand: squares 75^2 + 15 * 5^2 = 6000, variance 1600 * 0.05 * 0.95 = 76.
  assert.equal(one.deflation(0), 6001 / 77);
});

test('a sub-bucket with more requests may have more failures', () => {
  const clusters = new UserClusters(1_000);
  const requests = even(100).map((count, bucket) => (bucket === 0 ? 10 * count : count));
  clusters.add(
    500,
    arm(
      requests,
      requests.map((count) => count / 20),
    ),
  );
  assert.equal(clusters.deflation(0), 1);
});

test('failures from before the evidence began to rise are left out, but for ten windows', () => {
  const clusters = new UserClusters(1_000);
  clusters.add(
    500,
    arm(
      even(100),
      even(0).map((_, bucket) => (bucket === 3 ? 80 : 0)),
    ),
  );
  for (let second = 1; second <= 30; second++) clusters.add(second * 1000 + 500, arm(even(100), even(1)));
  assert.ok(clusters.deflation(0) > 2);
  assert.equal(clusters.deflation(25_000), 1);
});

test('clusters by user go on the same when they were saved in between', () => {
  const random = createRandom(4);
  const whole = new UserClusters(1_000);
  const fill = (clusters: UserClusters, from: number) => {
    for (let second = from; second < from + 120; second++)
      clusters.add(
        second * 1000,
        arm(
          even(50),
          even(0).map(() => Math.floor(3 * random.next())),
        ),
      );
  };
  fill(whole, 0);
  const second = new UserClusters(1_000);
  second.restore(JSON.parse(JSON.stringify(whole.snapshot())));
  assert.equal(second.deflation(30_000), whole.deflation(30_000));
  whole.add(250_000, arm(even(9), even(2)));
  second.add(250_000, arm(even(9), even(2)));
  assert.equal(second.deflation(0), whole.deflation(0));
});

/** Users that fail a third of five requests a second; one is on Y, and each other with a chance of 10 %. */
function reverts(users: number, runs: number, isSticky: boolean): number {
  let reverted = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const random = createRandom(1000 + seed);
    const heavy = Array.from(
      { length: users },
      (_, i): HeavyUser => ({
        requestsPerSecond: 5,
        failureRate: 0.33,
        isOnY: random.next() < 0.1 || i === 0,
        bucket: Math.floor(16 * random.next()),
      }),
    );
    const traffic = new RouteTraffic({ seed, routes: equalRoutes(4), users: heavy, isSticky });
    if (traffic.until(90, { goal: 'step' }, isRevert).stopped) reverted++;
  }
  return reverted;
}

const runs = 20;
for (const users of [1, 4]) {
  test(`${users} heavy bad users are no reason to revert when routing is sticky`, () => {
    assert.equal(reverts(users, runs, true), 0);
    // Without the sub-buckets it would be, whenever one is on Y: in 10 % and 34 % of rollouts.
    assert.ok(reverts(users, runs, false) >= runs * 0.9);
  });
}

test('half a point of errors more is found nearly as fast when routing is sticky', () => {
  const routes = equalRoutes(1).map((route) => ({ ...route, pY: 0.006 }));
  const seconds = (isSticky: boolean) =>
    Array.from({ length: 12 }, (_, i) => {
      const ended = new RouteTraffic({ seed: i + 1, routes, isSticky }).until(
        200,
        { goal: 'step' },
        isRevert,
      );
      assert.ok(ended.stopped);
      return ended.seconds;
    });
  const free = quantile(seconds(false), 0.5);
  const sticky = quantile(seconds(true), 0.5);
  assert.ok(sticky <= 1.4 * free, `${sticky} s against ${free} s`);
});

test('evidence older than what is kept of the users is deflated for all of its time', () => {
  const clusters = new UserClusters(1_000);
  const bad = even(0).map((_, bucket) => (bucket === 3 ? 20 : 0));
  for (let second = 0; second < 360; second++) clusters.add(second * 1_000 + 500, arm(even(100), bad));
  const young = clusters.deflation(180_000);
  assert.ok(young > 100);
  assert.ok(Math.abs(clusters.deflation(0) / young - 2) < 0.01, `${clusters.deflation(0)} and ${young}`);
});
