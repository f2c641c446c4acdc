// The route table of the clusters that imitate Kong, with an entry for each service and its answers.

export interface KongRoute {
  readonly service: 'users' | 'orders' | 'payments' | 'search';
  readonly pathPrefix: string;
  readonly methods: readonly string[];
  /** Whether the key-auth plugin is on: requests without the right `apikey` header get 401. */
  readonly keyAuth: boolean;
  /**
   * Requests per minute and cluster that the rate-limiting plugin (policy local) allows; null without the
   * plugin.
   */
  readonly limitPerMinute: number | null;
  /** Factor on the cluster's latency, since services are not equally fast. */
  readonly slowness: number;
  /** Body of a success, and its status by method. */
  readonly body: Buffer;
}

/** The credential that the key-auth plugin accepts. It is no secret, because it is for the demo only. */
export const demoApiKey = 'crossover-demo';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const items = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const orders = items(8, (index) => ({
  id: `ord_${1000 + index}`,
  state: index % 3 === 0 ? 'shipped' : 'open',
  total: { currency: 'EUR', cents: 1990 + 730 * index },
  lines: [{ sku: `sku-${index}`, quantity: 1 + (index % 4) }],
}));

/** The routes. Their order does not matter, because no prefix is the beginning of another. */
const kongRoutes: readonly KongRoute[] = [
  {
    service: 'users',
    pathPrefix: '/users',
    methods: ['GET', 'HEAD'],
    keyAuth: true,
    limitPerMinute: null,
    slowness: 1,
    body: json({ id: 'usr_7', name: 'Ada', plan: 'team', createdAt: '2023-04-05T06:07:08Z' }),
  },
  {
    service: 'orders',
    pathPrefix: '/orders',
    methods: ['GET', 'HEAD', 'POST'],
    keyAuth: true,
    limitPerMinute: null,
    slowness: 1.1,
    body: json({ data: orders, next: null }),
  },
  {
    service: 'payments',
    pathPrefix: '/payments',
    methods: ['POST'],
    keyAuth: true,
    limitPerMinute: null,
    slowness: 1.3,
    body: json({ id: 'pay_42', state: 'authorised' }),
  },
  {
    service: 'search',
    pathPrefix: '/search',
    methods: ['GET', 'HEAD'],
    keyAuth: false,
    limitPerMinute: 60_000,
    slowness: 1.2,
    body: json({ hits: items(24, (rank) => ({ rank, sku: `sku-${rank}`, title: `Result number ${rank}` })) }),
  },
];

/**
 * The route that Kong's router finds by path prefix and method; null when there is none, which Kong answers
 * with 404.
 */
export function matchKongRoute(method: string, target: string): KongRoute | null {
  const end = target.indexOf('?');
  const path = end < 0 ? target : target.slice(0, end);
  for (const route of kongRoutes) {
    const { pathPrefix } = route;
    const isMatch =
      path.startsWith(pathPrefix) && (path.length === pathPrefix.length || path[pathPrefix.length] === '/');
    if (isMatch && route.methods.includes(method)) return route;
  }
  return null;
}
