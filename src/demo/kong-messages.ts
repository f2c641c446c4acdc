// Messages between a cluster that answers like Kong and its user.
import type { ClusterFault } from './cluster-fault.ts';

export interface KongClusterOptions {
  /** The version of Kong that it imitates, such as `3.4.3`. */
  readonly version: string;
  /** Nodes: listeners on 127.0.0.1, each on a free port. */
  readonly nodeCount: number;
  readonly seed: number;
  /** Median of the services' lognormal latency, ms. */
  readonly latencyMsMedian: number;
  /** Standard deviation of the latency's natural logarithm. */
  readonly latencySigma: number;
  /** Share of requests that fail without any fault, 0..1. */
  readonly errorShare: number;
  /** Requests per minute on rate-limited routes; null for the numbers of the route table. */
  readonly limitPerMinute: number | null;
}

export interface ClusterCounts {
  /** Requests whose head arrived, answered or not. */
  readonly requestCount: number;
  /** Answered requests by status. */
  readonly countByStatus: ReadonlyMap<number, number>;
  /**
   * Requests by the value of their `x-token` header. More than 1 means that a request was delivered twice.
   */
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
