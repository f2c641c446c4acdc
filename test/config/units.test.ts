import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatBytes,
  formatDuration,
  formatPercent,
  parseBytes,
  parseDuration,
  parseFineDuration,
  parsePercent,
  parseWeightPpm,
} from '#src/config/units.ts';

test('parseDuration gives milliseconds when a unit follows the number', () => {
  const cases: [string, number | null][] = [
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['0s', 0],
    ['0.0004s', 0],
    ['596h', 2_145_600_000],
    ['597h', null],
    ['10', null],
    ['10 s', null],
    ['-1s', null],
    ['1d', null],
    ['1S', null],
    ['', null],
    ['s', null],
    ['1e3s', null],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

test('parseFineDuration keeps parts of a millisecond', () => {
  const cases: [string, number | null][] = [
    ['0.5ms', 0.5],
    ['0.0014ms', 0.001],
    ['2ms', 2],
    ['1.5s', 1500],
    ['0s', 0],
    ['596h', 2_145_600_000],
    ['597h', null],
    ['2', null],
  ];
  for (const [text, expected] of cases) assert.equal(parseFineDuration(text), expected, text);
});

test('parseBytes gives bytes when the unit is binary or missing from a number', () => {
  const cases: [string | number, number | null][] = [
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['512B', 512],
    ['2GiB', 2_147_483_648],
    [1024, 1024],
    [1.5, null],
    [-1, null],
    ['64', null],
    ['64KB', null],
    ['9999999999GiB', null],
  ];
  for (const [value, expected] of cases) assert.equal(parseBytes(value), expected, String(value));
});

test('parsePercent gives the share without floating-point noise, and refuses what could be meant either way', () => {
  const cases: [string | number, number | null][] = [
    ['20%', 0.2],
    ['0.02%', 0.0002],
    ['0.07%', 0.0007],
    ['100%', 1],
    ['100.1%', null],
    [0.2, 0.2],
    [0, 0],
    [1, null],
    [5, null],
    ['5', null],
    ['-1%', null],
  ];
  for (const [value, expected] of cases) assert.equal(parsePercent(value), expected, String(value));
});

test('parseWeightPpm reads percent with or without the sign', () => {
  const cases: [string | number, number | null][] = [
    [5, 50_000],
    ['5%', 50_000],
    [0.29, 2900],
    [33.3333, 333_333],
    [100, 1_000_000],
    [100.0001, null],
    ['5', null],
  ];
  for (const [value, expected] of cases) assert.equal(parseWeightPpm(value), expected, String(value));
});

test('durations, sizes and shares read back the same when they are formatted', () => {
  const ppm = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_000_000_000 }), (ms) => parseDuration(formatDuration(ms)) === ms),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (size) => parseBytes(formatBytes(size)) === size),
  );
  fc.assert(fc.property(ppm, (share) => parsePercent(formatPercent(share / 1e6)) === share / 1e6));
});
