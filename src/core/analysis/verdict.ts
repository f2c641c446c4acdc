// The analysis' answer at one tick, with every number it rests on. Plain JSON data: shown by the API, kept with transitions.

export type Decision = 'revert' | 'advance' | 'hold';

export interface StreamEvidence {
  /** `errors`, later `latency.p99`, `status.401`, `route.<name>`. */
  readonly stream: string;
  /** ln of the e-value against "Y is not worse", after deflation. */
  readonly logWorse: number;
  /** Deflation that was applied. */
  readonly deflation: number;
  /** ln of the e-value for "Y is not worse than the margin", of the current step; null where not required. */
  readonly logSafe: number | null;
  /** Its share of the false-revert budget. */
  readonly weight: number;
  /** Counts since the step began. */
  readonly x: { readonly requests: number; readonly failures: number; readonly rate: number };
  readonly y: { readonly requests: number; readonly failures: number; readonly rate: number };
  /** Smallest margin m for which p_Y >= R p_X + m is rejected; null when none is yet. */
  readonly certifiedBound: number | null;
}

export interface Verdict {
  readonly decision: Decision;
  /** Why not more: stable name as in HoldReason, or `evidence`/`cap` for a revert, `not-worse` for an advance. */
  readonly rule: string;
  /** One plain sentence with the numbers. */
  readonly text: string;
  /** ln of the combined e-value, and the bar it reverts at: ln(1/falseReverts). */
  readonly logEvidence: number;
  readonly logEvidenceBar: number;
  /** Bar of the non-inferiority tests: ln(1/0.05). */
  readonly logSafeBar: number;
  /** Stream with the most evidence against Y. */
  readonly cause: string | null;
  readonly streams: readonly StreamEvidence[];
  /** Estimate of Y requests still needed for an advance, and by when at the present rate; null when unknown or not needed. */
  readonly samplesNeeded: number | null;
  readonly secondsNeeded: number | null;
  readonly xHealthy: boolean;
}
