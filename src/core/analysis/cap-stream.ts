// The absolute cap as a stream of the analysis: its test, deflated by how Y's failures cluster. It counts nothing itself
// but reads the counts of the stream whose rate it caps.

import { AbsoluteCap } from './absolute-cap.ts';
import {
  type BlipProfile,
  type ComparedStream,
  countedEvidence,
  countsSince,
  deflationBetween,
} from './compared-stream.ts';
import type { BankSnapshot } from './evidence-bank.ts';
import type { ArmCounts, StreamEvidence } from './verdict.ts';

export interface CapSpec {
  readonly name: string;
  /** Share of the false-revert budget. */
  readonly weight: number;
  /** Highest rate allowed on Y, a share. */
  readonly cap: number;
}

export interface CapSnapshot {
  readonly bank: BankSnapshot;
  readonly blocks: readonly number[];
}

export class CapStream extends AbsoluteCap {
  readonly name: string;
  readonly #weight: number;

  constructor(spec: CapSpec, profile: BlipProfile) {
    super(spec.cap, profile.limit);
    this.name = spec.name;
    this.#weight = spec.weight;
  }

  /** Counts of the seconds that the present evidence rests on. */
  evidenceCounts(capped: ComparedStream): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return countsSince(capped.ring, this.risingSinceMs(capped.ring.ofY));
  }

  /** All numbers at this moment; `capped` is the stream whose rate is capped. */
  evidence(capped: ComparedStream): StreamEvidence {
    const raw = this.logEvidence();
    const deflated = this.deflatedLogEvidence(capped.ring.ofY);
    return {
      stream: this.name,
      logWorse: countedEvidence(deflated, capped.yWindows()),
      deflation: deflationBetween(raw, deflated),
      logSafe: null,
      margin: null,
      weight: this.#weight,
      ...capped.stepCounts(),
      certifiedBound: null,
    };
  }
}
