// The messages between a cluster that answers like Kong and the thread it runs in.
import type { ClusterFault } from './cluster-fault.ts';

export interface KongClusterOptions {
  /** Kong version to look like, e.g. `3.4.3`. */
  readonly version: string;
  /** Listeners on 127.0.0.1, each on an ephemeral port. */
  readonly nodeCount: number;
  readonly seed: number;
  /** Median of the services' lognormal latency, ms. */
  readonly latencyMsMedian: number;
  /** Standard deviation of the latency's natural logarithm. */
  readonly latencySigma: number;
  /** Share of requests that fail without any fault, 0..1. */
  readonly errorShare: number;
  /** Requests per minute on rate-limited routes; null keeps the route table's figures. */
  readonly limitPerMinute: number | null;
}

export interface ClusterCounts {
  /** Requests whose head arrived, answered or not. */
  readonly requestCount: number;
  /** Answered requests by status. */
  readonly countByStatus: ReadonlyMap<number, number>;
  /** Deliveries by value of the `x-token` request header; more than 1 is a request delivered twice. */
  readonly countByToken: ReadonlyMap<string, number>;
}

export type ToKongWorker =
  | { readonly type: 'fault'; readonly requestId: number; readonly fault: ClusterFault }
  | { readonly type: 'count'; readonly requestId: number }
  | { readonly type: 'stop' };

export type FromKongWorker =
  | { readonly type: 'listening'; readonly ports: readonly number[] }
  | { readonly type: 'done'; readonly requestId: number }
  | { readonly type: 'counts'; readonly requestId: number; readonly counts: ClusterCounts };
