// Kong's own routes, read from its Admin API (GET /routes), as patterns by which traffic can be told apart.
// They serve statistics, not routing, and are an approximation: conditions on headers, SNI and expressions
// are left out, and of a regular expression only its literal beginning is used.
import { kongPagesMax, kongPageTimeoutMs } from '#src/limits.ts';
import type { UnplacedPattern } from './route-directory.ts';

interface KongRoute {
  readonly id: string;
  readonly name?: string | null;
  readonly hosts?: readonly string[] | null;
  readonly paths?: readonly string[] | null;
  readonly methods?: readonly string[] | null;
}

/**
 * Characters that mean something in a regular expression: the literal beginning ends before the first of
 * them.
 */
const firstMeta = /[\\^$.|?*+()[\]{}]/;

/** `~/users/(?<id>\d+)` begins with `/users/`; null when nothing literal is left. */
function pathPrefixOf(path: string): string | null {
  if (!path.startsWith('~')) return path === '/' ? null : path.replace(/\/$/, '');
  const expression = path.slice(1).replace(/^\^/, '');
  const end = expression.search(firstMeta);
  const literal = end === -1 ? expression : expression.slice(0, end);
  const segment = literal.slice(0, literal.lastIndexOf('/'));
  return segment === '' ? null : segment;
}

/**
 * Kong matches `*.example.com` and `example.*`; the latter has no counterpart here and matches by path alone.
 */
const hostOf = (host: string): string | null => (host.endsWith('.*') ? null : host.replace(/:\d+$/, ''));

/**
 * One pattern per host and path of a route, the most specific first, as Kong's router prefers longer paths.
 */
export function patternsOf(routes: readonly KongRoute[]): UnplacedPattern[] {
  const patterns = routes.flatMap((route) => {
    const name = route.name ?? route.id;
    const methods = route.methods?.length ? route.methods : null;
    const hosts = route.hosts?.length ? route.hosts.map(hostOf) : [null];
    const paths = route.paths?.length ? route.paths.map(pathPrefixOf) : [null];
    return hosts.flatMap((host) => paths.map((pathPrefix) => ({ name, host, pathPrefix, methods })));
  });
  const weight = (pattern: UnplacedPattern) =>
    (pattern.host === null ? 0 : 10_000) +
    (pattern.pathPrefix?.length ?? 0) * 2 +
    (pattern.methods === null ? 0 : 1);
  return patterns.sort((a, b) => weight(b) - weight(a));
}

function tokenAdvice(status: number, token: string | null): string {
  if (status !== 401 && status !== 403) return '';
  return token === null ? '; it may want clusters.x.adminToken' : '; look at clusters.x.adminToken';
}

/**
 * Reads every page; follows `offset`, not `next`, which Kong builds without host and workspace. `token` goes
 * along as `Kong-Admin-Token`; redirects, which would take it elsewhere, are not followed. Rejects with plain
 * words.
 */
export async function readKongRoutes(adminUrl: string, token: string | null): Promise<KongRoute[]> {
  const { request } = await import('undici'); // not at the start, which it would hold up
  const routes: KongRoute[] = [];
  let offset: string | null = null;
  for (let page = 0; page < kongPagesMax; page++) {
    const url = new URL(`${adminUrl.replace(/\/$/, '')}/routes`);
    url.searchParams.set('size', '1000');
    if (offset !== null) url.searchParams.set('offset', offset);
    const { statusCode, body } = await request(url, {
      headers: token === null ? {} : { 'kong-admin-token': token },
      headersTimeout: kongPageTimeoutMs,
      bodyTimeout: kongPageTimeoutMs,
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`${url.origin} answered ${statusCode} to GET /routes${tokenAdvice(statusCode, token)}`);
    }
    const answer = (await body.json()) as { data?: KongRoute[]; offset?: string };
    if (!Array.isArray(answer.data)) throw new Error(`${url.origin} did not answer with a list of routes`);
    routes.push(...answer.data);
    if (answer.offset === undefined) break;
    offset = answer.offset;
  }
  return routes;
}
