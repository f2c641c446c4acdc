import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { SuspectClients } from '#src/control-plane/traffic/suspect-clients.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';

test('suspected groups are told to the workers, and their clients to people, once each', () => {
  const memory = createSharedMemory(1);
  const groups = new Int32Array(memory.suspectGroups);
  const told: unknown[] = [];
  const events = new EventLog({
    epochMs: () => 5,
    log: ({ level, fields }) => told.push([level, fields.event]),
    recordEnd: () => null,
  });
  const suspects = new SuspectClients(memory, events, () => 5);
  suspects.seen(9, '192.0.2.1');
  assert.deepEqual(suspects.views, [], 'who is not suspected now');
  suspects.publish({ suspectGroups: [9, 11] });
  assert.deepEqual([groups[9], groups[10], groups[11]], [1, 0, 1]);
  for (let worker = 0; worker < 2; worker++) suspects.seen(9, '192.0.2.1');
  assert.deepEqual(suspects.views, [{ client: '192.0.2.1', sinceMs: 5 }]);
  assert.deepEqual(told, [['warn', 'client-suspected']]);
  suspects.publish({ suspectGroups: [] });
  assert.deepEqual([suspects.views, groups[9]], [[], 0]);
});
