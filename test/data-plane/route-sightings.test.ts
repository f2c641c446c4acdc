import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailureSamples } from '#src/data-plane/failure-samples.ts';
import { RouteSightings } from '#src/data-plane/route-sightings.ts';
import { failureSamplesMax, routeCandidatesMax, routeSightingsMin } from '#src/limits.ts';

describe('RouteSightings', () => {
  it('reports a route once, when it was seen often', () => {
    const sightings = new RouteSightings();
    const reports = Array.from({ length: 3 * routeSightingsMin }, () => sightings.add(7));
    assert.equal(reports.indexOf(true), routeSightingsMin - 1);
    assert.equal(reports.filter(Boolean).length, 1);
  });

  it('forgets one-off routes instead of growing without bound', () => {
    const sightings = new RouteSightings();
    sightings.add(-1);
    for (let key = 0; key < 3 * routeCandidatesMax; key++) assert.equal(sightings.add(key), false);
    let count = 1;
    while (!sightings.add(-1)) count++;
    assert.equal(count, routeSightingsMin, 'the first sighting was forgotten');
  });
});

describe('FailureSamples', () => {
  it('keeps the last ones, oldest first', () => {
    const samples = new FailureSamples();
    const base = {
      requestId: 'r',
      node: 'n',
      status: 500,
      kind: null,
      latencyMs: 1,
      request: 'GET /',
      route: 'users',
    };
    for (let atMs = 0; atMs < failureSamplesMax + 10; atMs++) samples.add({ ...base, atMs });
    const times = samples.list().map((sample) => sample.atMs);
    assert.equal(times.length, failureSamplesMax);
    assert.deepEqual([times[0], times.at(-1)], [10, failureSamplesMax + 9]);
  });
});
