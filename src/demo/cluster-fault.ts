// Faults of a cluster that imitates Kong. They are plain data, because they are posted to the thread that
// runs the cluster.

export type ClusterFault =
  | { readonly kind: 'none' }
  /** Kong itself answers a share (0..1) of requests with 500, as a plugin would that broke in the upgrade. */
  | { readonly kind: 'errors'; readonly share: number }
  /** The listeners are closed and the connections reset. */
  | { readonly kind: 'dead' }
  /**
   * The cluster is overloaded: `slowness` times as slow; a share is never answered, a share gets 503 from
   * Kong's balancer.
   */
  | {
      readonly kind: 'brownout';
      readonly slowness: number;
      readonly hangShare: number;
      readonly unavailableShare: number;
    }
  /** Everything is `slowness` times as slow; nothing fails. */
  | { readonly kind: 'latency'; readonly slowness: number }
  /**
   * A share of requests with credentials is refused with 401, as when the default of an auth plugin has
   * changed.
   */
  | { readonly kind: 'status-mix'; readonly share: number };

export const noFault: ClusterFault = { kind: 'none' };
