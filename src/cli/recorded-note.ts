// What it means that a change was made and is on no disk yet.

/**
 * A part of an answer of the API: whether the change would survive a restart; absent in answers of earlier
 * versions.
 */
export interface RecordedAnswer {
  readonly recorded?: boolean;
}

/** A warning for people; empty when there is nothing to warn of. */
export const recordedNote = ({ recorded }: RecordedAnswer): string =>
  recorded === false
    ? 'warning: it is done, but neither the store nor the mark beside it has taken it yet: a restart before one of them does may go back to what is on record. `crossover status` tells when they have.\n'
    : '';
