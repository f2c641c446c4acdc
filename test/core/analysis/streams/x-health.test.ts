import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { XHealth } from '#src/core/analysis/streams/x-health.ts';

/** Feeds `seconds` of 900 requests each with the failure rate. */
function feed(
  target: { add(dtMs: number, requests: number, hits: number): void },
  seconds: number,
  rate: number,
): void {
  for (let tick = 0; tick < seconds * 4; tick++) target.add(250, 225, 225 * rate);
}

test('X is healthy before it was ever seen, and with its usual errors', () => {
  const health = new XHealth();
  assert.ok(health.healthy());
  feed(health, 600, 0.03);
  assert.ok(health.healthy());
});

test('X is unhealthy soon after its errors have multiplied, and healthy soon after they are gone', () => {
  const health = new XHealth();
  feed(health, 600, 0.001);
  feed(health, 2, 0.3);
  assert.ok(!health.healthy());
  feed(health, 60, 0.001);
  assert.ok(health.healthy());
});

test('X stays unhealthy through an outage of minutes, until that is what is usual', () => {
  const health = new XHealth();
  feed(health, 600, 0.001);
  for (let minute = 0; minute < 5; minute++) {
    feed(health, 60, 0.3);
    assert.ok(!health.healthy(), `after ${minute + 1} min`);
  }
  feed(health, 1200, 0.3);
  assert.ok(health.healthy());
});

test('X with few errors is healthy, whatever multiple of none they are', () => {
  const health = new XHealth();
  feed(health, 600, 0);
  feed(health, 30, 0.009);
  assert.ok(health.healthy());
});

test('the plug-in follows a rate that falls within seconds and one that rises within minutes', () => {
  const tracker = new RateTracker();
  assert.ok(
    Math.abs(tracker.plugIn() - 6e-3) < 1e-12,
    'a tenth of a failure in 100 requests, and half a one for the noise',
  );
  feed(tracker, 300, 0.001);
  feed(tracker, 30, 0.3);
  const risen = tracker.plugIn();
  assert.ok(risen > 0.01 && risen < 0.1, `${risen}`);
  feed(tracker, 60, 0.001);
  assert.ok(tracker.plugIn() < 0.007, `${tracker.plugIn()}`);
  assert.ok(tracker.slowRate() > 0.02, `${tracker.slowRate()}`);
});

test('the plug-in stays within its range and goes back to its prior in silence', () => {
  const tracker = new RateTracker();
  feed(tracker, 600, 1);
  assert.ok(tracker.plugIn() > 0.99 && tracker.plugIn() <= 0.999);
  feed(tracker, 600, 0);
  assert.ok(tracker.plugIn() < 1e-4 && tracker.plugIn() >= 1e-6);
  tracker.add(3_600_000, 0, 0);
  assert.ok(Math.abs(tracker.plugIn() - 6e-3) < 1e-4);
});

test('the plug-in does not take a minute of low traffic without a failure for a rate of nothing', () => {
  const tracker = new RateTracker();
  for (let second = 0; second < 60; second++) tracker.add(1_000, 1, 0);
  assert.ok(tracker.slowRate() < 0.001);
  assert.ok(tracker.plugIn() > 0.003, `${tracker.plugIn()}`);
  feed(tracker, 600, 0.0001);
  assert.ok(tracker.plugIn() < 0.0002, `${tracker.plugIn()}`);
});
