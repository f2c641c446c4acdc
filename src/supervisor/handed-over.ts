// What a process leaves to the one that replaces it: the split that its clients have, and what its control
// thread knew. It goes by the environment, which only the successor and its user can read, so that it is
// there before anything is started.
import { PPM } from '#src/limits.ts';
import type { HandOver } from '#src/shared-memory/messages.ts';

export const handedOverVariable = 'CROSSOVER_HANDED_OVER';

/** One variable of a process may have 128 KiB (execve(2)). */
const textLengthMax = 100_000;

export interface HandedOver {
  /**
   * As the workers have it: Y's share, 0..1,000,000, and the salt of the sticky hash. Null when none was ever
   * published.
   */
  readonly split: { readonly weightPpm: number; readonly salt: number } | null;
  /** Null when the control thread could not say anything any more. */
  readonly control: HandOver | null;
}

/**
 * As text for the variable. What is too long is left out: the split alone keeps Y from getting more than it
 * had.
 */
export function handedOverText(handedOver: HandedOver): string {
  const text = JSON.stringify(handedOver);
  return text.length <= textLengthMax ? text : JSON.stringify({ ...handedOver, control: null });
}

/** Reads the variable; null when there is none, or it is none of ours. */
export function readHandedOver(env: Readonly<Record<string, string | undefined>>): HandedOver | null {
  try {
    const { split, control } = JSON.parse(env[handedOverVariable] ?? '') as HandedOver;
    const isSplit =
      split === null ||
      (Number.isInteger(split.salt) &&
        Number.isInteger(split.weightPpm) &&
        split.weightPpm >= 0 &&
        split.weightPpm <= PPM);
    return isSplit ? { split, control } : null;
  } catch {
    return null;
  }
}
