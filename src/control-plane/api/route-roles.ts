// What each route of the control API needs. One that is not here can't be added, and none is here that does
// not exist.
import type { OpenPath, Role } from '#src/config/control-config.ts';

/**
 * `read`: looks. `operate`: moves traffic between X and Y within what the configuration allows. `admin`: says
 * where traffic goes, or sets aside what protects it. In quotes: a path that may be open to anyone.
 */
export const routeRoles: Readonly<Record<string, Role | { readonly open: OpenPath }>> = {
  'GET /livez': { open: 'livez' },
  'GET /readyz': { open: 'readyz' },
  'GET /metrics': { open: 'metrics' },

  'GET /openapi.json': 'read',
  'GET /v1/status': 'read',
  'GET /v1/split': 'read',
  'GET /v1/rollout': 'read',
  'GET /v1/freeze': 'read',
  'GET /v1/analysis': 'read',
  'GET /v1/events': 'read',
  'GET /v1/history': 'read',
  'GET /v1/history/windows': 'read',
  'GET /v1/evidence': 'read',
  'GET /v1/evidence/:id': 'read',
  'GET /v1/record/verify': 'read',
  'GET /v1/rollouts': 'read',
  'GET /v1/rollouts/:id': 'read',
  'GET /v1/stream': 'read',
  'GET /v1/clusters/:cluster/nodes': 'read',

  'PUT /v1/split': 'operate',
  'POST /v1/rollout': 'operate',
  'POST /v1/rollout/pause': 'operate',
  'POST /v1/rollout/resume': 'operate',
  'POST /v1/rollout/advance': 'operate',
  'POST /v1/rollout/promote': 'operate',
  'POST /v1/rollout/revert': 'operate',
  'POST /v1/rollout/complete': 'operate',
  'POST /v1/rollout/approve': 'operate',
  'POST /v1/rollout/unpark': 'operate',
  'PUT /v1/freeze': 'operate',
  'POST /v1/metrics/:name': 'operate',

  'PUT /v1/clusters/:cluster/nodes': 'admin',
  'POST /v1/clusters/:cluster/nodes/:id/drain': 'admin',
  'POST /v1/config/reload': 'admin',
};

/** What `"override": true` needs, on whatever route it is sent: it sets a freeze or a change window aside. */
export const overrideRole: Role = 'admin';

/** What a route needs; a HEAD is its GET. Undefined for one that is not in the table. */
export const neededFor = (method: string, url: string): Role | { readonly open: OpenPath } | undefined =>
  routeRoles[`${method === 'HEAD' ? 'GET' : method} ${url}`];
