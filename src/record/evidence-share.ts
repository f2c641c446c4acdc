// The evidence as two shares of what would decide: how near the analysis is to a revert, and to an advance.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { weakestProof } from '#src/core/analysis/weakest-proof.ts';

export interface EvidenceShare {
  /** 0 and up; the rollout is reverted at 1. */
  readonly toRevert: number;
  /** The weakest of the tests that an advance needs, 0 and up, done at 1; null where none is needed. */
  readonly toAdvance: number | null;
}

const digits = 4;
const rounded = (value: number): number => Number(Math.max(0, value).toFixed(digits));

export function evidenceShare({ logEvidence, logEvidenceBar, logSafeBar, streams }: Verdict): EvidenceShare {
  const proof = weakestProof(streams);
  return {
    toRevert: rounded(logEvidence / logEvidenceBar),
    toAdvance: proof === null ? null : rounded(proof / logSafeBar),
  };
}
