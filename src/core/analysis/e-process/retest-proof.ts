// Whether Y is certainly within its tolerance, which ends a retest: the stream test's own boundary, p_Y = R
// p_X + d, from the other side. An advance asks for less (a margin that depends on what is at stake), and
// sooner. So a Y that is a fifth slower may pass there and must not pass here.
import { BankedTest } from './banked-test.ts';
import type { EpochBlocks } from './epoch-blocks.ts';
import { blockLogEvidence, growthPerY } from './ripr.ts';

/**
 * Rates on Y that are bet on, as parts of X's. Where a latency on Y counts as slow only beyond X's quantile,
 * a Y like X has six to nine tenths of X's rate: with a bet on X's rate alone a retest of all quantiles took
 * two minutes more. One bet more is on a Y that is worse than X, halfway to what it may be.
 */
const partsOfX = [1, 0.85, 0.7, 0.5] as const;
const alternatives = partsOfX.length + 1;
const restartBelow = -2;
/** Growth per request below which a forecast is not worth giving: 10^8 requests. */
const growthMin = 1e-8;

/** Its evidence is against "Y is worse than it may be". */
export class RetestProof extends BankedTest {
  readonly timesX: number;
  readonly over: number;

  constructor(timesX: number, over: number) {
    super({ alternatives, restartBelow, limit: null });
    this.timesX = timesX;
    this.over = over;
  }

  reset(nowMs: number): void {
    this.bank.reset(nowMs);
  }

  /** Whether there is nothing to show: no rate can exceed a boundary that ends at 1. */
  isMoot(a: number): boolean {
    return this.timesX * a + this.over >= 1;
  }

  #alternative(g: number, a: number): number {
    const part = partsOfX[g];
    return part === undefined ? (a + this.timesX * a + this.over) / 2 : part * a;
  }

  /** Adds the block that just closed. */
  add(block: EpochBlocks, nowMs: number): void {
    const { nX, kX, nY, kY, a } = block;
    if (this.isMoot(a)) return;
    for (let g = 0; g < alternatives; g++) {
      const b = this.#alternative(g, a);
      this.bank.add(g, blockLogEvidence(nX, kX, nY, kY, a, b, this.timesX, this.over), nowMs);
    }
  }

  /**
   * Y requests after which one of the bets will have reached `bar` on average at these rates, with `xPerY`
   * requests on X for each; null for never.
   */
  requestsNeeded(bar: number, pX: number, pY: number, xPerY: number): number | null {
    if (!(xPerY > 0) || this.isMoot(pX)) return null;
    let fewest = Number.POSITIVE_INFINITY;
    for (let g = 0; g < alternatives; g++) {
      const b = this.#alternative(g, pX);
      const growth = growthPerY(pX, b, xPerY, this.timesX, this.over, pX, pY);
      if (growth > growthMin)
        fewest = Math.min(fewest, Math.max(0, bar - this.bank.contribution(g)) / growth);
    }
    return Number.isFinite(fewest) ? Math.ceil(fewest) : null;
  }

  snapshot() {
    return this.bank.snapshot();
  }

  restore(snapshot: ReturnType<RetestProof['snapshot']>): void {
    this.bank.restore(snapshot);
  }
}
