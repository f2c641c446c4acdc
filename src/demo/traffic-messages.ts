// Messages between the demo and the thread that sends its traffic.

export interface TrafficOptions {
  /** Where the requests are sent, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Mean rate of the Poisson arrivals, requests per second. It is reached four seconds after the start. */
  readonly ratePerSecond: number;
  readonly seed: number;
  /** A client gives up after this long without a complete answer, ms. */
  readonly timeoutMs: number;
  /**
   * Requests under way at most: with so many, the rate is what the machine is able to. Absent: the rate is
   * kept, come what may.
   */
  readonly openMax?: number;
}

/** What the clients got. Every request that has ended is in either `answered` or `failed`. */
export interface TrafficCounts {
  readonly sent: number;
  /** Requests with a complete answer, whatever its status. */
  readonly answered: number;
  /** Requests without a complete answer: refused, reset, cut short, or not answered in time. */
  readonly failed: number;
  readonly successes: number;
  /** Answers with 4xx: as in real traffic, a few requests have no credential or an unknown path. */
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Time from when a request was due to its complete answer, ms. */
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
}

export type FromTrafficWorker =
  | { readonly type: 'counts'; readonly counts: TrafficCounts }
  | { readonly type: 'stopped'; readonly counts: TrafficCounts };
