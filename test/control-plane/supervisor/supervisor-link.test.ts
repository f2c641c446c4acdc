import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SupervisorLink } from '#src/control-plane/supervisor/supervisor-link.ts';
import type { FromControl } from '#src/shared-memory/messages.ts';

test('supervisor link gives each question its own answer when they come out of order', async () => {
  const posted: FromControl[] = [];
  const link = new SupervisorLink((message) => void posted.push(message));
  const first = link.reload();
  const second = link.reload();
  const ids = posted.map((message) => (message.type === 'reload' ? message.requestId : -1));
  const answer = (index: number, configRevision: number) =>
    link.receive({
      type: 'reload-result',
      requestId: ids[index] ?? -1,
      result: { ok: true, configRevision, changed: [], warnings: [] },
    });
  answer(1, 20);
  answer(0, 10);
  answer(0, 99);
  assert.deepEqual(
    [await first, await second],
    [
      { ok: true, configRevision: 10, changed: [], warnings: [] },
      { ok: true, configRevision: 20, changed: [], warnings: [] },
    ],
  );
});

test('supervisor link says why when a node list is not taken over', async () => {
  const link = new SupervisorLink(() => {});
  const asked = link.setNodes('y', []);
  link.receive({ type: 'nodes-applied', requestId: 1, nodes: { x: [], y: [] }, problem: 'too many nodes' });
  await assert.rejects(asked, /too many nodes/);
});

test('supervisor link gives up when nobody answers', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const link = new SupervisorLink(() => {});
  const asked = link.reload();
  t.mock.timers.tick(10_000);
  await assert.rejects(asked, /did not answer/);
});

test('supervisor link fails what is open when the thread stops', async () => {
  const link = new SupervisorLink(() => {});
  const asked = link.reload();
  link.close();
  await assert.rejects(asked, /stopping/);
});
