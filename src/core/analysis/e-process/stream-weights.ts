// Many streams, one budget for false reverts: the weighted average of their e-values is an e-value again,
// whatever the streams have to do with each other. Weights sum to at most 1; what no stream spends stays
// unspent.

/** Shares of the false-revert budget by family of streams. With those of the caps they sum to 1. */
export const familyWeights = {
  errors: 0.3,
  /** Over all latency quantiles. */
  latency: 0.25,
  /** Over all status classes. */
  status: 0.15,
  /** Over a fixed number of tracked routes. */
  routes: 0.25,
} as const;

/**
 * Shares of the absolute caps, 0.05 in all. They are small because a cap is a rule about gross failure, and
 * costs that a second: ln(1/0.03) is 3.5 nats, and evidence grows by up to 8 a second. They are taken from
 * the routes, whose share is split so finely that it costs each of them only 0.2 nats.
 */
export const capWeights = { errors: 0.03, latencyEach: 0.004 } as const;
