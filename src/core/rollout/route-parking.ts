// What the rollout needs of whatever keeps routes on X.

/** Keeps routes on X. They go by name, because every process numbers its slots anew. */
export interface RouteParking {
  park(name: string, isParked: boolean): void;
  /** Parks these and no others. */
  replaceParked(names: readonly string[]): void;
}
