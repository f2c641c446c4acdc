// The messages between the demo's traffic and the thread that sends it.

export interface TrafficOptions {
  /** Where the requests go, e.g. `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Mean of the Poisson arrivals, requests per second; reached four seconds after the start. */
  readonly ratePerSecond: number;
  readonly seed: number;
  /** A client gives up after this long without a complete answer, ms. */
  readonly patienceMs: number;
  /** Requests under way at most: with so many, the rate is what the machine is able to. Absent: the rate is kept, come what may. */
  readonly openMax?: number;
}

/** What the clients saw; every request ends in exactly one of `answered` and `failed`. */
export interface TrafficCounts {
  readonly sent: number;
  /** Complete answers, whatever their status. */
  readonly answered: number;
  /** No complete answer: refused, reset, cut short, or patience over. */
  readonly failed: number;
  readonly successes: number;
  /** 4xx: the traffic contains a few requests without credential and to unknown paths, as real traffic does. */
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Time from the moment a request was due to its complete answer, ms. */
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
}

export type FromTrafficWorker =
  | { readonly type: 'counts'; readonly counts: TrafficCounts }
  | { readonly type: 'stopped'; readonly counts: TrafficCounts };
