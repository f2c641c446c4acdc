import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WorkerWatch } from '#src/control-plane/traffic/worker-watch.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import { createSharedMemory } from '#src/shared-memory/shared-memory.ts';

it('a worker counts as listening when it beats and accepts connections', () => {
  const memory = createSharedMemory(3);
  const watch = new WorkerWatch(memory);
  const [beatsOnly, listensOnly, both] = memory.slabs.map((slab) => new Float64Array(slab));
  for (const slab of [beatsOnly, both]) slab?.fill(1, WORKER.heartbeat, WORKER.heartbeat + 1);
  for (const slab of [listensOnly, both]) slab?.fill(1, WORKER.listening, WORKER.listening + 1);
  watch.observe(1_000);
  assert.equal(watch.listeningCount(1_000), 1);
  assert.deepEqual(
    watch.views(1_000).map(({ alive }) => alive),
    [true, false, true],
  );
  watch.observe(10_000);
  assert.equal(watch.listeningCount(10_000), 0, 'a worker that has stopped beating listens no more');
});
