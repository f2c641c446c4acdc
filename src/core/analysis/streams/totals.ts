// Counts of both arms since some moment: of a step, a proof or a retest.
import { plainNumbers } from '#src/base/plain-numbers.ts';
import type { ArmCounts } from '#src/core/analysis/verdict.ts';

/** Requests and failures of both arms, summed. */
export class Totals {
  readonly #sums = new Float64Array(4);

  add(nX: number, kX: number, nY: number, kY: number): void {
    const sums = this.#sums;
    sums[0] = (sums[0] as number) + nX;
    sums[1] = (sums[1] as number) + kX;
    sums[2] = (sums[2] as number) + nY;
    sums[3] = (sums[3] as number) + kY;
  }

  clear(): void {
    this.#sums.fill(0);
  }

  get x(): ArmCounts {
    return this.#arm(0);
  }

  get y(): ArmCounts {
    return this.#arm(2);
  }

  #arm(at: 0 | 2): ArmCounts {
    const requests = this.#sums[at] as number;
    const failures = this.#sums[at + 1] as number;
    return { requests, failures, rate: requests > 0 ? failures / requests : 0 };
  }

  snapshot(): readonly number[] {
    return plainNumbers(this.#sums);
  }

  restore(sums: readonly number[]): void {
    this.#sums.set(sums);
  }
}
