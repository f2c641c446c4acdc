import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgottenNodes } from '#src/control-plane/nodes/forgotten-nodes.ts';
import { backend, startControl } from '../support/control-rig.ts';

let id = 0;
const event = (name: string, detail: unknown = null) => ({
  id: ++id,
  atMs: id,
  name,
  actor: 'ada',
  text: '',
  detail,
});
const replaced = (cluster: string, ...nodes: string[]) => event('nodes-replaced', { cluster, nodes });

test('the nodes that were set last before a start are told, of each cluster', () => {
  const before = [
    replaced('x', 'older:1'),
    event('started'),
    replaced('y', 'y1:1'),
    replaced('x', 'x1:1', 'x2:1'),
    replaced('y', 'y2:1'),
  ];
  const told = forgottenNodes(before).map(({ text }) => text.split(':1')[0]);
  assert.deepEqual(told, [
    "The nodes of y are the configuration's again. Before the restart they were y2",
    "The nodes of x are the configuration's again. Before the restart they were x1",
  ]);
});

test('nothing is told when the configuration was taken up since, or no nodes were set', () => {
  assert.deepEqual(forgottenNodes([replaced('y', 'y1:1'), event('config-reloaded')]), []);
  assert.deepEqual(forgottenNodes([event('started')]), []);
  assert.deepEqual(forgottenNodes([]), []);
});

test('a restart tells of the nodes that the API had set', async (t) => {
  const port = await backend(t);
  const first = await startControl(t);
  const body = { nodes: [`http://127.0.0.1:${port}`] };
  assert.equal((await first.call('PUT', '/v1/clusters/y/nodes', { body })).status, 200);
  await first.stop();
  const second = await startControl(t, { database: first.database });
  await second.untilEvent('nodes-forgotten');
  const { json } = await second.call('GET', '/v1/events?limit=1000');
  const told = json.events.filter(({ name }: { name: string }) => name === 'nodes-forgotten');
  assert.equal(told.length, 1);
  assert.match(told[0].text, new RegExp(`were 127\\.0\\.0\\.1:${port}, set by `));
});
