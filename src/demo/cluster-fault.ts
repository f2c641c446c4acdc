// What can be wrong with a Kong look-alike. Plain data: it is posted to the thread that runs the cluster.

export type ClusterFault =
  | { readonly kind: 'none' }
  /** A share (0..1) of requests is answered 500 by Kong itself, as a plugin that broke in the upgrade would. */
  | { readonly kind: 'errors'; readonly share: number }
  /** Listeners closed, connections reset. */
  | { readonly kind: 'dead' }
  /** Overloaded: everything `slowness` times as slow, a share never answered, a share 503 from Kong's balancer. */
  | {
      readonly kind: 'brownout';
      readonly slowness: number;
      readonly hangShare: number;
      readonly unavailableShare: number;
    }
  /** Everything `slowness` times as slow, nothing fails. */
  | { readonly kind: 'latency'; readonly slowness: number }
  /** A share of authenticated requests is refused with 401, as after a changed auth plugin default. */
  | { readonly kind: 'status-mix'; readonly share: number };

export const noFault: ClusterFault = { kind: 'none' };
