// How far the record has come, for those who tell others where it ends.

export interface RecordProgress {
  /** Null before the store was open. */
  readonly recordEnd: { readonly hash: string } | null;
  /** Resolves when the store has every transition that has happened, at the latest after `msMax`. */
  stored(msMax: number): Promise<unknown>;
}
