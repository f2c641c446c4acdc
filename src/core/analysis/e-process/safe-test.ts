// Is Y certainly not worse than a margin? The stream test turned round: null p_Y >= R p_X + m, alternatives
// in which Y is like X, halfway to the margin, or better. Evidence against that null is what an advance
// needs; it starts afresh at every step.

import type { EpochBlocks } from './epoch-blocks.ts';
import { type BankSnapshot, EvidenceBank } from './evidence-bank.ts';
import { blockLogEvidence, growthPerY } from './ripr.ts';

/**
 * Chance per step of advancing a Y that is worse than the margin (beta), and the evidence that bounds it so.
 */
const wrongAdvances = 0.05;
export const logSafeBar = Math.log(1 / wrongAdvances);

const restartBelow = -2;
/** Growth per request below which a forecast is not worth giving: 10^8 requests. */
const growthMin = 1e-8;

/** An alternative: a rate on Y, for X's rate `a`. */
type Alternative = (a: number, timesX: number, margin: number) => number;

const likeX: Alternative = (a) => a;
const halfwayToMargin: Alternative = (a, timesX, margin) => (a + timesX * a + margin) / 2;
const halfOfX: Alternative = (a) => a / 2;

/** The alternatives where both arms are counted alike. */
const alike = [likeX, halfwayToMargin] as const;
/**
 * The alternatives where Y's threshold is easier to keep than X's, so that a Y like X has a lower rate than
 * X. Without an alternative below X's rate a clean rollout took four minutes, most of them to show what was
 * plain. Any rate may be an alternative, so the test stays valid.
 */
const easier = [likeX, halfwayToMargin, halfOfX] as const;

/**
 * An alternative for a margin that is little more than the tolerance. A Y that uses the tolerance is then
 * nearer to the margin than to the other alternatives, which lose on it for ever. An alternative beyond the
 * margin would favour what is to be refuted.
 */
const atTolerance =
  (over: number): Alternative =>
  (a, timesX, margin) =>
    timesX * a + Math.min(over, margin);

export interface SafeBets {
  /** Whether Y's threshold is easier to keep than X's, so that a Y like X has a lower rate. */
  readonly isEasierOnY?: boolean;
  /** The tolerance, when it is to be an alternative as well. */
  readonly tolerance?: number;
}

export class SafeTest {
  readonly #timesX: number;
  readonly #alternatives: readonly Alternative[];
  readonly #bank: EvidenceBank;
  #margin: number;

  constructor(timesX: number, margin: number, { isEasierOnY = false, tolerance }: SafeBets = {}) {
    const usual = isEasierOnY ? easier : alike;
    this.#timesX = timesX;
    this.#alternatives = tolerance === undefined ? usual : [...usual, atTolerance(tolerance)];
    this.#bank = new EvidenceBank({ alternatives: this.#alternatives.length, restartBelow, limit: null });
    this.#margin = margin;
  }

  get margin(): number {
    return this.#margin;
  }

  /** Starts afresh, with the margin of the new step. */
  reset(margin: number, nowMs: number): void {
    this.#margin = margin;
    this.#bank.reset(nowMs);
  }

  /** Adds the block that just closed. */
  add(block: EpochBlocks, nowMs: number): void {
    const timesX = this.#timesX;
    const margin = this.#margin;
    const a = block.a;
    // No rate can exceed a margin that ends at 1, so there is nothing to test.
    if (timesX * a + margin >= 1) return;
    for (let g = 0; g < this.#alternatives.length; g++) {
      const b = (this.#alternatives[g] as Alternative)(a, timesX, margin);
      const increment = blockLogEvidence(block.nX, block.kX, block.nY, block.kY, a, b, timesX, margin);
      this.#bank.add(g, increment, nowMs);
    }
  }

  /** ln of the e-value against "Y is worse than the margin". */
  logEvidence(): number {
    return this.#bank.logEvidence();
  }

  /**
   * Requests on Y after which one of the alternatives reaches `bar` on average, if X stays at the rate `pX`,
   * Y at `pY`, and X has `xPerY` requests for each of Y's; null when none ever would.
   */
  requestsNeeded(bar: number, pX: number, pY: number, xPerY: number): number | null {
    if (this.logEvidence() >= bar) return 0;
    if (!(xPerY > 0) || this.#timesX * pX + this.#margin >= 1) return null;
    let fewest = Number.POSITIVE_INFINITY;
    for (let g = 0; g < this.#alternatives.length; g++) {
      const b = (this.#alternatives[g] as Alternative)(pX, this.#timesX, this.#margin);
      const growth = growthPerY(pX, b, xPerY, this.#timesX, this.#margin, pX, pY);
      if (growth > growthMin) fewest = Math.min(fewest, (bar - this.#bank.contribution(g)) / growth);
    }
    return Number.isFinite(fewest) ? Math.ceil(fewest) : null;
  }

  snapshot(): { readonly margin: number; readonly bank: BankSnapshot } {
    return { margin: this.#margin, bank: this.#bank.snapshot() };
  }

  restore(snapshot: ReturnType<SafeTest['snapshot']>): void {
    this.#margin = snapshot.margin;
    this.#bank.restore(snapshot.bank);
  }
}

/** Margins that are tested for the report, largest first: shares of Y's requests. */
const certifiedMargins = [0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005] as const;

/**
 * The smallest margin above which Y is certified: an upper bound on p_Y - R p_X that holds whenever it is
 * read.
 */
export class CertifiedBound {
  readonly #tests: readonly SafeTest[];

  constructor(timesX: number) {
    this.#tests = certifiedMargins.map((margin) => new SafeTest(timesX, margin));
  }

  reset(nowMs: number): void {
    for (const test of this.#tests) test.reset(test.margin, nowMs);
  }

  add(block: EpochBlocks, nowMs: number): void {
    for (let i = 0; i < this.#tests.length; i++) (this.#tests[i] as SafeTest).add(block, nowMs);
  }

  /**
   * The bound at log evidence `bar`; null when not even the largest margin is certified. Margins count from
   * the largest down and only while none is missing: so a wrong bound needs the one largest wrong margin to
   * be certified.
   */
  bound(bar: number): number | null {
    let bound: number | null = null;
    for (const test of this.#tests) {
      if (test.logEvidence() < bar) break;
      bound = test.margin;
    }
    return bound;
  }

  snapshot(): readonly ReturnType<SafeTest['snapshot']>[] {
    return this.#tests.map((test) => test.snapshot());
  }

  restore(snapshot: ReturnType<CertifiedBound['snapshot']>): void {
    for (const [i, test] of this.#tests.entries()) {
      const saved = snapshot[i];
      if (saved !== undefined) test.restore(saved);
    }
  }
}
