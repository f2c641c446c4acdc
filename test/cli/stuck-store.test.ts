// A process whose store's thread waits for a disk that never answers: it starts, serves and ends as asked.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../control-plane/support/temp-folder.ts';
import { FaultyDisk } from '../support/disk-fault.ts';
import { ServedProcess } from '../support/served-process.ts';

const linuxOnly = { skip: process.platform !== 'linux' };

function rig(t: TestContext) {
  const folder = tempFolder(t);
  const diskFolder = join(folder, 'disk');
  mkdirSync(diskFolder);
  const disk = new FaultyDisk(diskFolder);
  const serve = () => ServedProcess.start(t, { folder, store: join(folder, 'crossover.db'), disk });
  return { folder, disk, serve };
}

test(
  'a process whose store hangs from the start serves, and ends on SIGTERM with the reason',
  linuxOnly,
  async (t) => {
    const { disk, serve } = rig(t);
    const before = await serve();
    await before.call('GET', '/v1/events');
    before.child.kill('SIGTERM');
    assert.equal(await before.ended, 0, before.err);
    disk.set({ store: 'hung', mark: 'hung' });
    const served = await serve();
    const status = await served.call('GET', '/v1/status');
    assert.equal(status.body.store.problem.kind, 'hanging');
    served.child.kill('SIGTERM');
    assert.equal(await served.ended, 1, served.err);
    assert.match(served.err, /a thread cannot be ended: it waits for a disk that does not answer/);
  },
);

test(
  'a process whose store begins to hang while it runs ends on SIGTERM with the reason',
  linuxOnly,
  async (t) => {
    const { disk, serve } = rig(t);
    const served = await serve();
    await served.call('GET', '/v1/events');
    disk.set({ store: 'hung', mark: 'hung' });
    assert.equal((await served.call('PUT', '/v1/split', { y: 5 })).status, 503);
    served.child.kill('SIGTERM');
    assert.equal(await served.ended, 1, served.err);
    assert.match(served.err, /a thread cannot be ended/);
  },
);

test('a process whose store hangs ends at once on the second signal', linuxOnly, async (t) => {
  const { disk, serve } = rig(t);
  disk.set({ store: 'hung', mark: 'hung' });
  const served = await serve();
  await served.controlPort();
  served.child.kill('SIGTERM');
  await served.printing(/draining/);
  served.child.kill('SIGTERM');
  assert.equal(await served.ended, 1, served.err);
});

test('a process whose store hangs and whose start fails ends by itself', linuxOnly, async (t) => {
  const { folder, disk, serve } = rig(t);
  const first = await serve();
  const port = await first.controlPort();
  disk.set({ store: 'hung', mark: 'hung' });
  const second = await ServedProcess.start(t, {
    folder,
    store: join(folder, 'other.db'),
    disk,
    controlPort: port,
  });
  assert.equal(await second.ended, 1, second.err);
  assert.match(second.err, /EADDRINUSE/);
});

test('a process whose store is to be made where no folder can be ends on SIGTERM', linuxOnly, async (t) => {
  const served = await ServedProcess.start(t, { folder: tempFolder(t), store: '/proc/nope/c.db' });
  const status = await served.call('GET', '/v1/status');
  assert.equal(status.body.store.problem.kind, 'unavailable', JSON.stringify(status.body.store));
  served.child.kill('SIGTERM');
  assert.equal(await served.ended, 0, served.err);
});
