// What a load generator is asked for and what it answers, whichever one runs.
export interface LoadRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly connections: number;
  readonly seconds: number;
  /** Ask for a new connection per request. */
  readonly close: boolean;
}

export interface LoadResult {
  /** Requests answered. */
  readonly requests: number;
  /** Of them with a 2xx or 3xx. */
  readonly served: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Failed connections, timeouts and answers that were not 2xx or 3xx. */
  readonly errors: number;
}

export type LoadGenerator = (request: LoadRequest, cores: string | null) => Promise<LoadResult>;
