// Is Y above an absolute cap, such as 5 % errors, while X is not? The null per block is "p_Y <= cap or p_X >=
// cap": trouble that X has as well is no reason to send everything to X.
//
// Why it is a test supermartingale. For one arm and an alternative b > cap, the likelihood ratio of b against
// the cap over n requests has expectation (1 + (p - cap)(b - cap) / (cap (1 - cap)))^n, a power of something
// affine in p that is 1 at p = cap and grows with p: at most 1 for every p <= cap, and for n requests of
// different p as well (a product of factors <= 1). Turned round, an alternative a < cap on X gives at most 1
// for every p >= cap. A block counts with the smaller of the two e-values. If p_Y <= cap in that block, it is
// at most Y's, if p_X >= cap, at most X's; either way its expectation is at most 1, given all that came
// before. Alternatives and what closes a block are fixed before its outcomes are known, so blocks multiply,
// and Ville's inequality holds for the product. Averages of such products, restarts with weights that sum to
// 1, the limiter and the deflation keep that, as in the stream test.
import { PPM } from '#src/limits.ts';
import { BankedTest } from './banked-test.ts';
import { EpochBlocks } from './epoch-blocks.ts';
import type { BankSnapshot, EvidenceLimit } from './evidence-bank.ts';
import { logRatio } from './ripr.ts';
import { alternativeRate } from './stream-test.ts';

const odds = [1.25, 1.5, 2, 3, 5, 10, 30, 150] as const;
const restartBelow = -3;

/** Its evidence is against "Y is within the cap, or X is over it too". */
export class AbsoluteCap extends BankedTest {
  readonly cap: number;
  readonly #blocks = new EpochBlocks();
  #nowMs = 0;

  /** `cap` as a share, 0 < cap < 1. */
  constructor(cap: number, limit: EvidenceLimit | null) {
    super({ alternatives: odds.length, restartBelow, limit });
    this.cap = cap;
  }

  reset(nowMs: number): void {
    this.bank.reset(nowMs);
    this.#blocks.clear();
  }

  /** A tick begins: the counts that follow are of the `dtMs` before `nowMs`. */
  beginTick(nowMs: number, dtMs: number): void {
    this.#nowMs = nowMs;
    this.bank.refill(dtMs);
  }

  /**
   * Adds the tick's counts of an epoch; `a` is X's rate as known before. In an epoch in which Y gets
   * everything there is no X to share the trouble, and Y alone decides.
   */
  add(epoch: number, weightPpm: number, nX: number, kX: number, nY: number, kY: number, a: number): void {
    const withX = weightPpm < PPM;
    const block = this.#blocks;
    if (!block.add(epoch, nX, kX, nY, kY, a, withX)) return;
    const cap = this.cap;
    const fromX = withX
      ? logRatio(block.nX, block.kX, Math.min(block.a, cap / 2), cap)
      : Number.POSITIVE_INFINITY;
    for (let g = 0; g < odds.length; g++) {
      const b = alternativeRate(cap, odds[g] as number);
      if (b <= cap) continue;
      this.bank.add(g, Math.min(fromX, logRatio(block.nY, block.kY, b, cap)), this.#nowMs);
    }
  }

  snapshot(): { readonly bank: BankSnapshot; readonly blocks: readonly number[] } {
    return { bank: this.bank.snapshot(), blocks: this.#blocks.snapshot() };
  }

  restore(snapshot: ReturnType<AbsoluteCap['snapshot']>): void {
    this.bank.restore(snapshot.bank);
    this.#blocks.restore(snapshot.blocks);
  }
}
