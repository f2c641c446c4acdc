// Is Y worse than X? An e-process for one stream of counts with the null p_Y(t) <= R p_X(t) + d at every t,
// whatever p_X does over time. Evidence against the null is a product over blocks; ln(1/alpha) may be
// compared at every tick.

import { BankedTest } from './banked-test.ts';
import type { EpochBlocks } from './epoch-blocks.ts';
import type { BankSnapshot, CompactBankSnapshot, EvidenceLimit } from './evidence-bank.ts';
import { blockLogEvidence } from './ripr.ts';

/** Alternatives as multiples of the odds at the boundary: from barely worse to total failure. */
export const errorOdds = [1.25, 1.5, 2, 3, 5, 10, 30, 150, 1000, 20000] as const;

const rateMax = 0.995;
const restartBelow = -3;

interface StreamTestOptions {
  /** R and d: what still counts as not worse. */
  readonly timesX: number;
  readonly over: number;
  readonly odds: readonly number[];
  /** Weight of each of these alternatives; equal when absent. */
  readonly prior?: readonly number[] | undefined;
  readonly limit: EvidenceLimit | null;
}

/** Rate of the alternative whose odds are `multiple` times those at the rate `boundary`. */
export function alternativeRate(boundary: number, multiple: number): number {
  const odds = (boundary / (1 - boundary)) * multiple;
  return Math.min(rateMax, odds / (1 + odds));
}

/** Its evidence is against "Y is not worse". */
export class StreamTest extends BankedTest {
  readonly #options: StreamTestOptions;

  constructor(options: StreamTestOptions) {
    const { odds, prior, limit } = options;
    super({ alternatives: odds.length, prior, restartBelow, limit });
    this.#options = options;
  }

  reset(nowMs: number): void {
    this.bank.reset(nowMs);
  }

  refill(dtMs: number): void {
    this.bank.refill(dtMs);
  }

  /** Adds the block that just closed. */
  add(block: EpochBlocks, nowMs: number): void {
    const { timesX, over, odds } = this.#options;
    const boundary = timesX * block.a + over;
    if (boundary >= rateMax) return;
    for (let g = 0; g < odds.length; g++) {
      const b = alternativeRate(boundary, odds[g] as number);
      if (b <= boundary) continue;
      const increment = blockLogEvidence(block.nX, block.kX, block.nY, block.kY, block.a, b, timesX, over);
      this.bank.add(g, increment, nowMs);
    }
  }

  compactSnapshot(): CompactBankSnapshot {
    return this.bank.compactSnapshot();
  }

  restoreCompact(snapshot: CompactBankSnapshot, nowMs: number): void {
    this.bank.restoreCompact(snapshot, nowMs);
  }

  snapshot(): BankSnapshot {
    return this.bank.snapshot();
  }

  restore(snapshot: BankSnapshot): void {
    this.bank.restore(snapshot);
  }
}
