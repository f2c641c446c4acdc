// What a store says of a write that something else waits for. The wait has an end although the store's answer may have none:
// a store that is silent for too long counts as hanging, and what it answers after that is told as well.
import type { StoreProblem } from '#src/record/store-result.ts';

export type WriteAnswer =
  /** It is on record. */
  | { readonly kind: 'kept' }
  /** It is not on record, and will not be. */
  | { readonly kind: 'refused'; readonly problem: StoreProblem }
  /** The store has not answered and is not waited for any longer. `kept` or `refused` follows if it ever does. */
  | { readonly kind: 'overdue'; readonly problem: StoreProblem };
