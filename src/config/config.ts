// The configuration as the rest of the system sees it: with defaults, in ms, bytes and ppm, as plain data
// that can be posted to a thread. schema.ts has how it is written in YAML, load.ts how it is read.

import type { ChangeWindows } from '#src/core/rollout/change-window.ts';
import type { Cidr, OverrideOptions, RoutingRule, StickyMode } from '#src/core/routing/routing-options.ts';
import type { ControlConfig, ControlListener } from './control-config.ts';
import type { BusinessMetric, Gate, Notification } from './signals-config.ts';

export type { Cidr, RoutingRule };

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
  /** Token that is sent to the Admin API; null where Kong asks for none. */
  readonly adminToken: string | null;
}

export type FailoverTrigger = 'connect' | 'reset' | 'timeout' | number;

export interface Thresholds {
  readonly errorRate: {
    readonly timesX: number /** share, 0..1 */;
    readonly overX: number;
    readonly max: number | null;
  };
  readonly statusMix: {
    readonly timesX: number;
    readonly overX: number;
    readonly onWorse: 'revert' | 'retest';
  };
  readonly latency: {
    readonly timesX: number;
    /** Fractions of a millisecond count. */
    readonly overXMs: number;
    readonly onWorse: 'revert' | 'retest';
    readonly maxMs: Readonly<Partial<Record<'p50' | 'p75' | 'p90' | 'p95' | 'p99', number>>>;
  };
  /** Probability of ever reverting a Y that is not worse, over the whole rollout (alpha). */
  readonly falseReverts: number;
  /** Extra failures of all traffic accepted if an advance was wrong, share 0..1 (H). */
  readonly harm: number;
  readonly warmupMs: number;
  readonly blipToleranceMs: 1000 | 5000;
  /** Whose failures and latency count: those of Kong and the services behind it, or Kong's own alone. */
  readonly attribution: 'all' | 'kong';
}

/** A route that is compared on its own. */
export interface NamedRoute {
  readonly name: string;
  readonly host: string | null;
  readonly pathPrefix: string | null;
  readonly methods: readonly string[] | null;
}

export interface Config {
  readonly listen: {
    readonly proxy: Address;
    /** Whether another process may listen on the proxy's port as well. */
    readonly shared: boolean;
    /** At least one. */
    readonly control: readonly ControlListener[];
    readonly admin: Address | null;
  };
  readonly workers: number;
  /** How workers use sockets: 'auto' by Node's TCP handles where they work, 'stream' by node:net. */
  readonly transport: 'auto' | 'stream';
  readonly clusters: { readonly x: ClusterConfig; readonly y: ClusterConfig };
  readonly routing: {
    readonly sticky: StickyMode;
    readonly rules: readonly RoutingRule[];
    /**
     * Routes that are compared one by one. When empty, those of X's Admin API are taken, or those seen in the
     * traffic.
     */
    readonly routes: readonly NamedRoute[];
    readonly trustedProxies: readonly Cidr[];
    /** A request carrying `<cluster>:<secret>` in this header goes to that cluster. Null without a secret. */
    readonly override: OverrideOptions | null;
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
    readonly requestBodyWaitMs: number;
    readonly requestBodyTotalMs: number;
    readonly clientLeftMs: number;
    readonly clientIdleMs: number;
    readonly connectMs: number;
    readonly responseHeadMs: number;
    readonly responseBodyMs: number;
    readonly upstreamIdleMs: number;
    readonly tunnelIdleMs: number;
    /** From the word to stop to the end of accepting. */
    readonly drainDelayMs: number;
    readonly drainMs: number;
  };
  readonly limits: {
    readonly headBytes: number;
    readonly headerCount: number;
    readonly connections: number;
    /** To one node, over all workers. */
    readonly upstreamConnections: number;
    readonly bodyBytesPerSecond: number;
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
    readonly onBadRoute: 'revert' | 'park';
    readonly soakMs: number;
    readonly holdbackPpm: number;
  };
  readonly thresholds: Thresholds;
  readonly metrics: readonly BusinessMetric[];
  readonly gates: readonly Gate[];
  readonly windows: ChangeWindows;
  readonly notifications: readonly Notification[];
  readonly outgoing: {
    /** Loopback and private addresses that may be called. */
    readonly allow: readonly Cidr[];
    /** Link-local blocks that nodes may be in. */
    readonly linkLocalNodes: readonly Cidr[];
  };
  readonly control: ControlConfig;
  readonly store: {
    /** Path of the SQLite file, absolute. */
    readonly sqlite: string;
    /**
     * Path of the file with what signs the record, absolute; null when the environment has it, or nothing
     * signs it.
     */
    readonly key: string | null;
  };
}

/** One mistake in a configuration file, or one warning. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the setting, e.g. `clusters.x.nodes[0]`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly hint: string | null;
}

/** The configuration, or everything that is wrong with it. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** Settings that are valid and probably not meant, in the order of the file. */
      readonly warnings: readonly ConfigProblem[];
      /**
       * Position of a setting's key in the file, by its dotted path; of the section around it when it is not
       * written.
       */
      readonly placeOf: (path: string) => { readonly line: number; readonly column: number };
      /**
       * Secrets that stand in the file itself, and are not filled in, by their dotted paths; absent where
       * nobody looked.
       */
      readonly writtenSecrets?: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };
