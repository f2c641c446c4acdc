// Where the names of routes come from: the config, Kong's Admin API, or the requests themselves.
import type { Config } from '#src/config/config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { patternsOf, readKongRoutes } from './kong-routes.ts';
import type { RouteDirectory } from './route-directory.ts';

interface RouteLearningOptions {
  readonly config: () => Config;
  readonly routes: RouteDirectory;
  readonly events: EventLog;
}

/** Whether another config wants its routes learnt anew. */
export const routesDiffer = (one: Config, other: Config): boolean => sourceOf(one) !== sourceOf(other);

const sourceOf = ({ routing, clusters }: Config): string =>
  JSON.stringify([routing.routes, clusters.x.admin, clusters.x.adminToken]);

/**
 * Takes the configured routes; otherwise Kong's own list where its Admin API is given, so that a bad route
 * has the name that Kong's operators know; otherwise the routes that the workers see.
 */
export async function learnRoutes(options: RouteLearningOptions): Promise<void> {
  const { routes, events } = options;
  const { clusters, routing } = options.config();
  const { admin, adminToken } = clusters.x;
  if (routing.routes.length > 0) {
    routes.usePatterns(routing.routes);
  } else if (admin === null) {
    routes.useSeen();
  } else {
    await learnKongRoutes(admin, adminToken, options);
  }
  const unknown = routes.unknownParked();
  if (unknown.length === 0) return;
  const text = `${unknown.join(', ')}: parked, but no such route is known any more, so its requests follow the split.`;
  events.add({ name: 'parked-route-unknown', level: 'error', text, detail: { routes: unknown } });
}

async function learnKongRoutes(
  admin: string,
  adminToken: string | null,
  { config, routes, events }: RouteLearningOptions,
): Promise<void> {
  try {
    const patterns = patternsOf(await readKongRoutes(admin, adminToken));
    // A reload may have brought patterns while Kong was asked.
    if (config().routing.routes.length > 0) return;
    const leftOut = routes.usePatterns(patterns);
    const text = `${routes.count} routes of Kong are compared one by one, ${leftOut} together with the rest.`;
    events.add({ name: 'routes-learned', text, detail: { count: routes.count, leftOut } });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `Kong's routes could not be read, routes are told apart by host and first path segment: ${why}.`;
    events.add({ name: 'routes-unknown', level: 'warn', text });
  }
}
