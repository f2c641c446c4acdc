// Where routes are kept on X.

/** Where routes are kept on X; they go by name, since their slots are handed out anew by every process. */
export interface RouteParking {
  park(name: string, isParked: boolean): void;
  /** Parks these and no others. */
  replaceParked(names: readonly string[]): void;
}
