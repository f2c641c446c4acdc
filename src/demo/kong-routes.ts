// What the look-alike's services answer: a small route table as a Kong configuration would have it, one entry per service.

export interface KongRoute {
  readonly service: 'users' | 'orders' | 'payments' | 'search';
  readonly pathPrefix: string;
  readonly methods: readonly string[];
  /** key-auth plugin: requests without the right `apikey` header get 401. */
  readonly keyAuth: boolean;
  /** rate-limiting plugin (policy local): requests per minute and cluster; null without the plugin. */
  readonly limitPerMinute: number | null;
  /** Multiplier of the cluster's latency; services are not equally fast. */
  readonly slowness: number;
  /** Body of a success, and its status by method. */
  readonly body: Buffer;
}

/** The credential that the look-alike's key-auth plugin knows. Not a secret: it opens a demo. */
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

/** Longest prefix first is not needed: no prefix contains another. */
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

/** The route for a method and target, as Kong's router finds it by path prefix and method; null is Kong's 404. */
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
