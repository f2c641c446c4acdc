import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { Forecast } from '#src/core/analysis/e-process/forecast.ts';
import { blipProfiles } from '#src/core/analysis/streams/compared-stream.ts';
import { StatusStreams } from '#src/core/analysis/streams/status-streams.ts';
import { tickMs } from '#src/limits.ts';
import { binomial, emptyEpoch, quantile } from '../traffic.ts';

/**
 * Forecasts of a second each until 404s are proven on Y, with what it took in the end; 900 requests/s on X
 * and 100 on Y.
 */
function forecasts(seed: number, pX: number, pY: number) {
  const random = createRandom(seed);
  const streams = new StatusStreams({ timesX: 1.25, overX: 0.002 }, 0.001, blipProfiles[1000]);
  const notFound = streams.streams.find(({ name }) => name === 'status.404');
  assert.ok(notFound !== undefined);
  const sample = emptyEpoch(1, 100_000);
  const fill = (arm: typeof sample.x, requests: number, share: number) => {
    arm.status[404] = binomial(random, requests, share);
    arm.status[200] = requests - arm.status[404];
    arm.requests = requests;
  };
  streams.resetRollout(0);
  const needed: (number | null)[] = [];
  for (let ms = tickMs; ms <= 300_000; ms += tickMs) {
    const isLive = ms > 60_000;
    if (ms === 60_000 + tickMs) streams.resetStep(1_000_000, ms);
    fill(sample.x, 225, pX);
    fill(sample.y, isLive ? 25 : 0, pY);
    streams.beginTick(ms, tickMs);
    streams.add(sample);
    streams.endTick();
    const need = isLive ? notFound.need() : null;
    if (isLive && need === null) break;
    if (isLive && ms % 1_000 === 0) needed.push(need?.requests ?? null);
  }
  return needed;
}

test('a forecast is about right where X has none of a class and Y has some', () => {
  const ratios = Array.from({ length: 40 }, (_, seed) => forecasts(seed + 1, 0, 0.005)).flatMap((needed) =>
    needed.map((requests, second) => (requests ?? Infinity) / ((needed.length - second) * 100)),
  );
  const median = quantile(ratios, 0.5);
  assert.ok(median > 0.4 && median < 2, `${median} times what it took`);
});

test('a forecast does not swing where Y is near what it may be', () => {
  for (let seed = 1; seed <= 20; seed++) {
    let before: number | null = null;
    for (const requests of forecasts(seed, 0.02, 0.027).slice(5)) {
      // What is nearly there may be there at the next moment.
      const times: number = requests === null || before === null || before < 500 ? 1 : requests / before;
      assert.ok(times > 1 / 3 && times < 3, `seed ${seed}: ${before}, a second later ${requests}`);
      before = requests;
    }
  }
});

test('a forecast counts down while the rates stay, and takes never for granted only after a while', () => {
  const forecast = new Forecast();
  assert.equal(forecast.take(100, 900), 900);
  assert.equal(forecast.take(200, 800), 800);
  assert.equal(forecast.take(200, null), 800);
  assert.ok((forecast.take(220, null) ?? 0) > 1_000);
  assert.equal(forecast.take(1_000, null), null);
  assert.equal(new Forecast().take(100, null), null);
});

test('a forecast that was never has a number as soon as the rates give one, without a request more', () => {
  const forecast = new Forecast();
  assert.equal(forecast.take(100, null), null);
  assert.equal(forecast.take(100, 500), 500);
});

test('a forecast does not promise the end while the rates say otherwise', () => {
  const forecast = new Forecast();
  forecast.take(1_000, 50);
  assert.equal(forecast.take(1_060, 3_000), 350);
});
