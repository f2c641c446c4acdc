import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RouteSightings } from '#src/data-plane/counting/route-sightings.ts';
import { routeCandidatesMax, routeSightingsMin } from '#src/limits.ts';

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
