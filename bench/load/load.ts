// The request to a load generator and its result, which are the same for all of them.
export interface LoadRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly connections: number;
  readonly seconds: number;
  /** Ask for a new connection per request. */
  readonly close: boolean;
}

export interface LoadResult {
  /** Requests that were answered. */
  readonly requests: number;
  /** Requests that were answered with 2xx or 3xx. */
  readonly served: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Failed connections, timeouts and answers that were not 2xx or 3xx. */
  readonly errors: number;
}

export type LoadGenerator = (request: LoadRequest, cores: string | null) => Promise<LoadResult>;
