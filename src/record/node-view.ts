// What is known about a node, as the API shows it and the record keeps it.

export interface NodeView {
  readonly id: string;
  /** Null before the first probes have decided. */
  readonly healthy: boolean | null;
  /** Whether any worker keeps it out for failing in a row. */
  readonly ejected: boolean;
  readonly draining: boolean;
  readonly inFlight: number;
  readonly requests: number;
  readonly failures: number;
}
