import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RollingWindow } from '#src/core/telemetry/window.ts';

/**
 * A window after `seconds` of 4 ticks a second with 100 requests on X and 10 on Y each, of which one fails.
 */
function steady(seconds: number, startMs = 0): RollingWindow {
  const window = new RollingWindow();
  for (let ms = 0; ms < seconds * 1000; ms += 250) {
    window.advance(startMs + ms);
    window.add(100, 0, 10, 1);
  }
  return window;
}

test('a window without counts has rates of zero', () => {
  const none = { requestsPerSecond: 0, failureRate: 0 };
  assert.deepEqual(new RollingWindow().rates(10), { x: none, y: none });
});

test('a window of steady traffic has its rates over both spans', () => {
  const window = steady(120, 5_000_000);
  for (const seconds of [10, 60]) {
    const { x, y } = window.rates(seconds);
    assert.ok(Math.abs(x.requestsPerSecond - 400) < 15, `${x.requestsPerSecond}`);
    assert.ok(Math.abs(y.requestsPerSecond - 40) < 2);
    assert.equal(x.failureRate, 0);
    assert.equal(y.failureRate, 0.1);
  }
});

test('a window divides by the time that it has seen, not by one that it has not', () => {
  const { x } = steady(3).rates(60);
  assert.ok(Math.abs(x.requestsPerSecond - 1200 / 2.75) < 1);
});

test('a window forgets what is older than its span', () => {
  const window = steady(20);
  window.advance(31_000);
  assert.equal(window.rates(10).y.failureRate, 0);
  assert.ok(window.rates(60).y.failureRate > 0);
  window.advance(95_000);
  assert.equal(window.rates(60).x.requestsPerSecond, 0);
});

test('a window that is told an earlier time keeps its place', () => {
  const window = steady(5);
  window.advance(1_000);
  window.add(1, 1, 0, 0);
  assert.ok(window.rates(10).x.failureRate > 0);
});
