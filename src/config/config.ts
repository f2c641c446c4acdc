// The configuration as the rest of the system sees it: defaults applied, units resolved (ms, bytes, ppm), plain data
// that can be posted to a worker. How it is written in YAML is in schema.ts; how it is read, in load.ts.

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface NodeConfig {
  /** `host:port`, unique in its cluster; the node's id in API, metrics and events. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface ClusterConfig {
  readonly label: string;
  readonly nodes: readonly NodeConfig[];
  /** Kong Admin API of the cluster, when given. */
  readonly admin: string | null;
}

/** Pins matching requests to a cluster; all given conditions must hold. The first matching rule wins. */
export interface RoutingRule {
  readonly name: string;
  readonly cluster: 'x' | 'y';
  /** Exact host, or `*.example.com`; compared without case and port. */
  readonly host: string | null;
  /** Prefix of the path at a segment boundary or equal bytes; compared byte for byte. */
  readonly pathPrefix: string | null;
  /** Methods, exact case (methods are case-sensitive, RFC 9110 9.1). */
  readonly methods: readonly string[] | null;
  readonly header: { readonly name: string; readonly value: string | null } | null;
}

export type StickyMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'clientIp' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

/** CIDR block: network address bytes (4 or 16) and prefix length. */
export interface Cidr {
  readonly bytes: readonly number[];
  readonly prefix: number;
}

export type FailoverTrigger = 'connect' | 'reset' | 'timeout' | number;

export interface Thresholds {
  readonly errorRate: {
    readonly timesX: number /** share, 0..1 */;
    readonly overX: number;
    readonly max: number | null;
  };
  readonly statusMix: { readonly timesX: number; readonly overX: number };
  readonly latency: {
    readonly timesX: number;
    readonly maxMs: Readonly<Partial<Record<'p50' | 'p75' | 'p90' | 'p95' | 'p99', number>>>;
  };
  /** Probability of ever reverting a Y that is not worse, over the whole rollout (alpha). */
  readonly falseReverts: number;
  /** Extra failures of all traffic accepted if an advance was wrong, share 0..1 (H). */
  readonly harm: number;
  readonly warmupMs: number;
  readonly blipToleranceMs: 1000 | 5000;
}

export interface Config {
  readonly listen: { readonly proxy: Address; readonly control: Address; readonly admin: Address | null };
  readonly workers: number;
  readonly clusters: { readonly x: ClusterConfig; readonly y: ClusterConfig };
  readonly routing: {
    readonly sticky: StickyMode;
    readonly rules: readonly RoutingRule[];
    readonly trustedProxies: readonly Cidr[];
    /** Lower-case header name; a request carrying `<cluster>:<secret>` in it goes to that cluster. Null without a secret. */
    readonly override: { readonly header: string; readonly secret: string } | null;
  };
  readonly failover: {
    readonly on: readonly FailoverTrigger[] /** share of Y's requests, 0..1 */;
    readonly budget: number;
  };
  readonly health: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly unhealthyAfter: number;
    readonly healthyAfter: number;
    readonly ejection: boolean;
    readonly slowStartMs: number;
  };
  readonly timeouts: {
    readonly requestHeadMs: number;
    readonly requestBodyMs: number;
    readonly clientIdleMs: number;
    readonly connectMs: number;
    readonly responseHeadMs: number;
    readonly responseBodyMs: number;
    readonly upstreamIdleMs: number;
    readonly tunnelIdleMs: number;
    readonly drainMs: number;
  };
  readonly limits: {
    readonly headBytes: number;
    readonly headerCount: number;
    readonly connections: number;
    readonly replayBytes: number;
    /** Null: no limit. */
    readonly bodyBytes: number | null;
  };
  readonly rollout: {
    readonly autostart: boolean;
    /** Y's share per step in ppm, strictly ascending, last one 1,000,000. */
    readonly stepsPpm: readonly number[];
    readonly bakeMs: number;
    readonly stepTimeoutMs: number;
    readonly onInconclusive: 'hold' | 'revert';
    readonly soakMs: number;
    readonly holdbackPpm: number;
  };
  readonly thresholds: Thresholds;
  readonly control: { readonly token: string | null };
  readonly store: { /** Path of the SQLite file, absolute. */ readonly sqlite: string };
}
