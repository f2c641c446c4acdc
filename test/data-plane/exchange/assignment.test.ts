import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Assignment } from '#src/data-plane/exchange/assignment.ts';
import { suspectSightings } from '#src/limits.ts';
import { otherRouteSlot, X, Y } from '#src/shared-memory/layout.ts';
import { FakePlane, type FakePlaneOptions } from '../../support/fake-plane.ts';
import { headOf } from '../../support/recording-client.ts';

const everything = 1_000_000;
const get = (target = '/', field = ''): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n${field}\r\n`;

/** Draws for one request after the other on one plane. */
function drawer(options: FakePlaneOptions = {}): {
  plane: FakePlane;
  draw: (text: string, client?: string) => Assignment;
} {
  const plane = new FakePlane(options);
  const draw = (text: string, client = '192.0.2.1'): Assignment => {
    const assigned = new Assignment();
    const bytes = Buffer.from(text, 'latin1');
    assigned.draw(plane.runtime, headOf(text, plane.runtime), bytes, client, plane.runtime.wheel.nowMs);
    return assigned;
  };
  return { plane, draw };
}

describe('an assignment', () => {
  it('follows the split of the moment, and takes part in the comparison', () => {
    const { plane, draw } = drawer();
    const before = draw(get());
    assert.deepEqual([before.arm, before.isDrawn, before.isPinned], [X, true, false]);
    plane.split(everything);
    const after = draw(get());
    assert.deepEqual([after.arm, after.isDrawn, after.isPinned], [Y, true, false]);
  });

  it('gives Y its share', () => {
    const { plane, draw } = drawer();
    plane.split(250_000);
    const count = 4_000;
    const onY = Array.from({ length: count }, () => draw(get())).filter(({ arm }) => arm === Y).length;
    // Ten standard deviations to either side.
    assert.ok(Math.abs(onY - count / 4) < 10 * Math.sqrt(count * 0.25 * 0.75), `${onY} of ${count}`);
  });

  it('goes where a guarded header says, outside the comparison', () => {
    const { plane, draw } = drawer({ routing: { override: { header: 'x-cluster', secret: 's3cret' } } });
    const pinned = draw(get('/', 'X-Cluster: y:s3cret\r\n'));
    assert.deepEqual([pinned.arm, pinned.isPinned, pinned.isDrawn], [Y, true, false]);
    assert.equal(plane.counter('pinnedRequests'), 1);
    const guessed = draw(get('/', 'X-Cluster: y:guess\r\n'));
    assert.deepEqual([guessed.arm, guessed.isPinned], [X, false]);
    assert.equal(plane.counter('pinnedRequests'), 1);
  });

  it('keeps a client where it is under sticky routing, and says which group of users it is in', () => {
    const { plane, draw } = drawer({ routing: { sticky: { kind: 'clientIp' } } });
    plane.split(500_000);
    const clients = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`);
    const arms = clients.map((client) => draw(get(), client).arm);
    assert.deepEqual(
      clients.map((client) => draw(get('/other'), client).arm),
      arms,
    );
    assert.deepEqual(new Set(arms), new Set([X, Y]));
    const buckets = clients.map((client) => draw(get(), client).userBucket);
    assert.ok(buckets.every((bucket) => bucket >= 0 && bucket < 16));
    assert.equal(drawer().draw(get()).userBucket, -1);
  });

  it('leaves a suspected client out of the comparison, and names it once', () => {
    const { plane, draw } = drawer({ routing: { sticky: { kind: 'clientIp' } } });
    plane.split(everything);
    const named: unknown[] = [];
    plane.runtime.reportSuspect = (group, client) => named.push([group, client]);
    const { clientGroup } = draw(get(), '192.0.2.9');
    plane.runtime.suspectGroups[clientGroup] = 1;
    for (let request = 0; request < 3 * suspectSightings; request++) {
      const { arm, isDrawn } = draw(get(), '192.0.2.9');
      assert.deepEqual([arm, isDrawn], [Y, false]);
    }
    assert.deepEqual(named, [[clientGroup, '192.0.2.9']]);
    const other = Array.from({ length: 40 }, (_, index) => draw(get(), `198.51.100.${index}`));
    assert.ok(other.some(({ isDrawn }) => isDrawn));
    assert.ok(other.every((one) => one.isDrawn === (one.clientGroup !== clientGroup)));
    plane.runtime.suspectGroups[clientGroup] = 0;
    assert.ok(draw(get(), '192.0.2.9').isDrawn);
    assert.equal(drawer().draw(get()).clientGroup, -1);
  });

  it('sends a suspected client to X while the breaker stops Y, without a probe', () => {
    const { plane, draw } = drawer({ routing: { sticky: { kind: 'clientIp' } } });
    plane.split(everything);
    plane.runtime.suspectGroups.fill(1);
    draw(get());
    for (let failure = 0; failure < 20; failure++) plane.runtime.breaker.failed(0);
    assert.equal(draw(get()).arm, X);
  });

  it('sends a parked route to X from both arms, in neither, and counts what it took from Y', () => {
    const { plane, draw } = drawer();
    plane.split(everything);
    plane.runtime.parkedRoutes[otherRouteSlot] = 1;
    const parked = draw(get());
    assert.deepEqual([parked.arm, parked.isDrawn], [X, false]);
    assert.equal(plane.counter('parkedDiverted'), 1);
    plane.split(0);
    const onX = draw(get());
    assert.deepEqual([onX.arm, onX.isDrawn], [X, false]);
    assert.equal(plane.counter('parkedDiverted'), 1);
  });

  it('sends what the breaker stops to X, outside the comparison', () => {
    const { plane, draw } = drawer();
    plane.split(everything);
    draw(get());
    plane.runtime.breaker.allows = () => false;
    const diverted = draw(get());
    assert.deepEqual([diverted.arm, diverted.isDrawn], [X, false]);
    assert.equal(plane.counter('breakerDiverted'), 1);
    plane.split(0);
    const onX = draw(get());
    assert.deepEqual([onX.arm, onX.isDrawn], [X, true], 'the breaker is none of X’s business');
    assert.equal(plane.counter('breakerDiverted'), 1);
  });

  it('asks for a slot of its own for a route that is seen often', () => {
    const { plane, draw } = drawer();
    const reported: string[] = [];
    plane.runtime.reportRoute = (_key, name) => reported.push(name);
    for (let count = 0; count < 1_000; count++)
      assert.equal(draw(get('/orders/1')).routeSlot, otherRouteSlot);
    assert.ok(reported.length > 0);
    assert.deepEqual(new Set(reported), new Set(['h/orders']));
  });
});
