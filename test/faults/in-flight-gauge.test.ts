// The gauge of requests under way, on real sockets: what is held up shows, and goes away when it is answered.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { PPM } from '#src/limits.ts';
import { startBed } from '../support/bed.ts';
import { readMetrics } from '../support/control.ts';
import { LoadClient } from '../support/load-client.ts';
import { Signal } from '../support/signal.ts';

const connections = 5;

test('requests in flight are counted by cluster while they wait', async (t) => {
  const bed = await startBed({ weightPpm: PPM });
  t.after(() => bed.stop());
  const inFlight = async (cluster: 'x' | 'y') =>
    (await readMetrics(bed.crossover.controlPort)).get(`crossover_in_flight_requests{cluster="${cluster}"}`);
  const held: ServerResponse[] = [];
  const arrived = new Signal();
  bed.y.misbehave = (_request, response) => {
    held.push(response);
    arrived.notify();
    return true;
  };
  const load = new LoadClient({ port: bed.crossover.port, connections, seed: 1 }).start();
  await arrived.until(() => held.length === connections, 'a request of each connection');
  assert.equal(await inFlight('y'), connections);
  assert.equal(await inFlight('x'), 0);
  bed.y.misbehave = null;
  const stopped = load.stop();
  for (const response of held) response.writeHead(503).end();
  await stopped;
  assert.equal(await inFlight('y'), 0);
  assert.equal(await inFlight('x'), 0);
});
