// The route table of the control API, for tests that go over all routes. Handlers are not called, so nothing
// backs them.
import assert from 'node:assert/strict';
import type { ApiContext } from '#src/control-plane/api/api-context.ts';
import { createControlApi, type RouteEntry } from '#src/control-plane/api/server.ts';
import { ApiListener } from '#src/control-plane/listening/api-listener.ts';

export async function apiRoutes(): Promise<readonly RouteEntry[]> {
  const context = {
    version: '0.0.0',
    config: () => ({ listen: { control: [] }, control: { hosts: [], url: null } }),
    events: { subscribe: () => () => {} },
  };
  const listener = new ApiListener({ events: { add: () => assert.fail() }, monotonicMs: () => 0 });
  const { app, routes } = await createControlApi(context as unknown as ApiContext, listener);
  await app.close();
  return routes;
}
