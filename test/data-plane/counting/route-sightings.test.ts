import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RouteSightings } from '#src/data-plane/counting/route-sightings.ts';
import { routeCandidatesMax, routeSightingsMin } from '#src/limits.ts';

describe('RouteSightings', () => {
  it('reports a route when it was seen often, and when it was seen twice as often', () => {
    const sightings = new RouteSightings();
    const reports = Array.from({ length: 5 * routeSightingsMin }, () => sightings.add(7));
    const at = reports.flatMap((isReported, index) => (isReported ? [index + 1] : []));
    assert.deepEqual(at, [routeSightingsMin, 2 * routeSightingsMin, 4 * routeSightingsMin]);
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
