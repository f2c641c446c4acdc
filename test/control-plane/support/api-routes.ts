// The route table of the control API, for tests that go over all routes. Handlers are not called, so nothing
// backs them.
import type { ApiContext } from '#src/control-plane/api/api-context.ts';
import { ApiListener } from '#src/control-plane/api/api-listener.ts';
import { createControlApi, type RouteEntry } from '#src/control-plane/api/server.ts';

export async function apiRoutes(): Promise<readonly RouteEntry[]> {
  const context = {
    version: '0.0.0',
    config: () => ({ listen: { control: { host: '127.0.0.1' } } }),
    events: { subscribe: () => () => {} },
  };
  const { app, routes } = await createControlApi(context as unknown as ApiContext, new ApiListener());
  await app.close();
  return routes;
}
