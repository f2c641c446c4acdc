// What needs no token, and from where.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenPath } from '#src/config/control-config.ts';
import type { ApiContext } from '#src/control-plane/api/api-context.ts';
import { createControlApi } from '#src/control-plane/api/server.ts';
import { ApiListener } from '#src/control-plane/listening/api-listener.ts';
import { startControl } from '../support/control-rig.ts';

const withoutToken = { headers: { authorization: '' } };

test('probes and metrics need no token on loopback, and everything else does', async (t) => {
  const rig = await startControl(t);
  for (const path of ['/livez', '/metrics'])
    assert.equal((await rig.call('GET', path, withoutToken)).status, 200, path);
  for (const path of ['/v1/status', '/openapi.json', '/v1/none'])
    assert.equal((await rig.call('GET', path, withoutToken)).status, 401, path);
});

/** Statuses of requests that came on no listener of ours, which counts as from the network. */
async function fromTheNetwork(open: readonly OpenPath[]): Promise<Record<string, number>> {
  const context = {
    version: '0.0.0',
    config: () => ({ listen: { control: [] }, control: { hosts: [], url: null, open } }),
    credentials: { principalOf: () => null, roleOf: () => null },
    events: { add: () => {}, subscribe: () => () => {} },
    readiness: () => [],
    metrics: async () => '',
    log: () => {},
  };
  const listener = new ApiListener({ events: { add: () => assert.fail() }, monotonicMs: () => 0 });
  const { app } = await createControlApi(context as unknown as ApiContext, listener);
  const paths = ['/livez', '/readyz', '/metrics', '/v1/status'];
  const answers = await Promise.all(
    paths.map(async (path) => [path.slice(1), (await app.inject(path)).statusCode] as const),
  );
  await app.close();
  return Object.fromEntries(answers);
}

test('metrics need the token beyond loopback, unless control.open has them', async () => {
  const expected = { livez: 200, readyz: 200, metrics: 401, 'v1/status': 401 };
  assert.deepEqual(await fromTheNetwork(['livez', 'readyz']), expected);
  assert.deepEqual(await fromTheNetwork(['metrics']), {
    ...expected,
    livez: 401,
    readyz: 401,
    metrics: 200,
  });
});
