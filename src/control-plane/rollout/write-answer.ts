// What the store says of a write that something waits for. The wait has an end although the answer may never
// come: a store that is silent for too long counts as hanging, and what it answers after that is told as
// well.
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';

export type WriteAnswer =
  /** It is on record. */
  | { readonly kind: 'kept' }
  /** It is not on record, and will not be. */
  | { readonly kind: 'refused'; readonly problem: StoreProblem }
  /**
   * The store has not answered and is not waited for any longer. `kept` or `refused` follows if it ever does.
   */
  | { readonly kind: 'overdue'; readonly problem: StoreProblem };

/** The two callbacks of a store's write. */
export interface WriteCallbacks {
  /** Called once: when it is kept, or with why it will not be counted on. */
  readonly settle: (result: StoreResult<undefined>) => void;
  /** Called once: before `settle`, or, if the store answers after it was given up, later. */
  readonly answered: (isKept: boolean) => void;
}

/** Callbacks that tell the store's answers one after the other. */
export function writeCallbacks(tell: (answer: WriteAnswer) => void): WriteCallbacks {
  let isAnswered = false;
  let overdue: StoreProblem | null = null;
  return {
    settle(result) {
      if (result.ok) tell({ kind: 'kept' });
      else if (isAnswered) tell({ kind: 'refused', problem: result.problem });
      else {
        overdue = result.problem;
        tell({ kind: 'overdue', problem: result.problem });
      }
    },
    answered(isKept) {
      isAnswered = true;
      if (overdue !== null) tell(isKept ? { kind: 'kept' } : { kind: 'refused', problem: overdue });
    },
  };
}
