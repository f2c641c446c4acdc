// An absolute cap as a stream of the analysis: its test, deflated by how Y's failures cluster in time.

import {
  deflationBetween,
  strongerOf,
  WindowRing,
  type WindowRingSnapshot,
} from '#src/core/analysis/clustering/deflation.ts';
import { AbsoluteCap } from '#src/core/analysis/e-process/absolute-cap.ts';
import type { BankSnapshot, Clusters } from '#src/core/analysis/e-process/evidence-bank.ts';
import type { StreamEvidence } from '#src/core/analysis/verdict.ts';
import { comparisonText, formatShare } from '#src/core/analysis/verdict-text.ts';
import { type BlipProfile, countedEvidence } from './compared-stream.ts';
import type { EvidenceStream } from './stream-family.ts';
import { Totals } from './totals.ts';

interface CapSpec {
  readonly name: string;
  /** Share of the false-revert budget. */
  readonly weight: number;
  /** Highest rate allowed on Y, a share. */
  readonly cap: number;
}

export interface CapSnapshot {
  readonly nowMs: number;
  readonly totals: readonly number[];
  readonly ring: WindowRingSnapshot;
  readonly test: { readonly bank: BankSnapshot; readonly blocks: readonly number[] };
}

export class CapStream implements EvidenceStream {
  readonly name: string;
  readonly #spec: CapSpec;
  readonly #what: string;
  readonly #test: AbsoluteCap;
  readonly #ring: WindowRing;
  readonly #clusters: Clusters;
  readonly #totals = new Totals();
  #nowMs = 0;
  #dtMs = 0;

  /** alsoBy: how else Y's failures may cluster than in time; null when nothing is known. */
  constructor(spec: CapSpec, profile: BlipProfile, what: string, alsoBy: Clusters | null = null) {
    this.name = spec.name;
    this.#spec = spec;
    this.#what = what;
    this.#test = new AbsoluteCap(spec.cap, profile.limit);
    this.#ring = new WindowRing(profile.windowMs);
    this.#clusters = strongerOf(this.#ring.ofY, alsoBy);
  }

  resetRollout(nowMs: number): void {
    this.#test.reset(nowMs);
    this.#ring.reset(nowMs);
    this.resetStep();
  }

  resetStep(): void {
    this.#totals.clear();
  }

  /** Gives up the evidence against Y. */
  forgetGains(nowMs: number): void {
    this.#test.forgetGains(nowMs);
    this.#ring.reset(nowMs);
  }

  /** A tick begins: the counts that follow are of the `dtMs` before `nowMs`. */
  beginTick(nowMs: number, dtMs: number): void {
    this.#nowMs = nowMs;
    this.#dtMs = dtMs;
    this.#test.beginTick(nowMs, dtMs);
  }

  /** Adds the tick's counts of an epoch; `a` is X's rate as known before this tick. */
  add(epoch: number, weightPpm: number, nX: number, kX: number, nY: number, kY: number, a: number): void {
    this.#totals.add(nX, kX, nY, kY);
    this.#ring.add(this.#nowMs - this.#dtMs / 2, nX, kX, nY, kY);
    this.#test.add(epoch, weightPpm, nX, kX, nY, kY, a);
  }

  evidence(): StreamEvidence {
    const raw = this.#test.logEvidence();
    const deflated = this.#test.deflatedLogEvidence(this.#clusters);
    return {
      stream: this.name,
      logWorse: countedEvidence(deflated, this.#ring.yWindows(this.#nowMs)),
      deflation: deflationBetween(raw, deflated),
      logSafe: null,
      margin: null,
      weight: this.#spec.weight,
      x: this.#totals.x,
      y: this.#totals.y,
      certifiedBound: null,
    };
  }

  finding(): string {
    const { x, y } = this.#ring.countsSince(this.#test.risingSinceMs(this.#clusters));
    return `${comparisonText(this.#what, x, y)}, over the cap of ${formatShare(this.#spec.cap)}`;
  }

  /** A cap is a limit, not a comparison: an advance needs no proof that it is kept. */
  need(): null {
    return null;
  }

  snapshot(): CapSnapshot {
    return {
      nowMs: this.#nowMs,
      totals: this.#totals.snapshot(),
      ring: this.#ring.snapshot(),
      test: this.#test.snapshot(),
    };
  }

  restore(snapshot: CapSnapshot): void {
    this.#nowMs = snapshot.nowMs;
    this.#totals.restore(snapshot.totals);
    this.#ring.restore(snapshot.ring);
    this.#test.restore(snapshot.test);
  }
}
