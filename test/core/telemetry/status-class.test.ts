import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blipProfiles } from '#src/core/analysis/streams/compared-stream.ts';
import { StatusStreams } from '#src/core/analysis/streams/status-streams.ts';
import { statusClassOf } from '#src/core/telemetry/status-class.ts';
import { emptyEpoch } from '../analysis/traffic.ts';

test('a status is in the class that the comparison counts it in', () => {
  for (let status = 300; status < 500; status++) {
    const streams = new StatusStreams({ timesX: 1.25, overX: 0.002 }, 0.001, blipProfiles[1000]);
    const sample = emptyEpoch(1, 100_000);
    sample.y.status[status] = 1;
    sample.y.requests = 1;
    streams.resetRollout(0);
    streams.beginTick(250, 250);
    streams.add(sample);
    const counted = streams.streams.filter((stream) => stream.stepCounts().y.failures > 0);
    assert.deepEqual(
      counted.map(({ name }) => name),
      [`status.${statusClassOf(status)}`],
    );
  }
  assert.deepEqual([statusClassOf(200), statusClassOf(500)], [null, null]);
});
