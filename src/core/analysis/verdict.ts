// The analysis' answer at one tick, with every number it rests on. Plain JSON data: shown by the API, kept
// with transitions.
import type { Attribution } from '#src/core/telemetry/outcome.ts';
import type { Rates } from '#src/core/telemetry/window.ts';

/** Why nothing advances, as a stable name. */
export type HoldRule =
  | 'no-data'
  | 'x-unhealthy'
  | 'suspicion'
  | 'retest'
  | 'attribution'
  | 'warmup'
  | 'needs-samples'
  | 'bake';

export interface ArmCounts {
  readonly requests: number;
  readonly failures: number;
  /** Share, 0..1; 0 without requests. */
  readonly rate: number;
}

/** Above which latency a request is slow, at one quantile of X. */
export interface LatencyThreshold {
  /** X's quantile, and what a request on Y must exceed, ms. */
  readonly xMs: number;
  readonly yMs: number;
  /** Which tolerance makes Y's: a factor on X's, or `overXMs` more than X's. The higher one counts. */
  readonly by: 'timesX' | 'overX';
  readonly overXMs: number;
}

export interface StreamEvidence {
  /**
   * `errors`, `errors.max`, `latency.p99`, `status.401`, `route.<name>`; of routes only those that look
   * worse.
   */
  readonly stream: string;
  /** ln of the e-value against "Y is not worse", after deflation. */
  readonly logWorse: number;
  /** Deflation that was applied. */
  readonly deflation: number;
  /** ln of the e-value for "Y is not worse than the margin", of the current step; null where not required. */
  readonly logSafe: number | null;
  /** That margin m, as a share of Y's requests; null where not required. */
  readonly margin: number | null;
  /** Its share of the false-revert budget. */
  readonly weight: number;
  /** Counts since the step began. */
  readonly x: ArmCounts;
  readonly y: ArmCounts;
  /** Smallest margin m for which p_Y >= R p_X + m is rejected; null when none is yet. */
  readonly certifiedBound: number | null;
  /** Of latency streams only, once X's quantile is known. */
  readonly threshold?: LatencyThreshold;
}

/** A route whose own failures are enough to park it on X. */
export interface BadRoute {
  /** Slot of its counters. */
  readonly slot: number;
  readonly name: string;
  /** What speaks against it, with its counts. */
  readonly text: string;
}

/** Kinds of streams that may be tested again before they send a rollout back. */
export type RetestKind = 'latency' | 'status';

/** The last retest of a kind in this rollout. */
export interface RetestReport {
  readonly kind: RetestKind;
  /** What looked worse most, such as `latency p95`, and Y's share then. */
  readonly cause: string;
  readonly weightPpm: number;
  /** Retests so far, this one included. */
  readonly count: number;
  readonly state: 'waiting' | 'testing' | 'passed';
  /** Until it takes its first counts; 0 once it has. */
  readonly startsInSeconds: number;
  /** Estimate of the requests on Y that it still takes; null when unknown or not needed. */
  readonly samplesNeeded: number | null;
  readonly text: string;
}

/** Failures of an arm by who made them. */
export interface MadeFailures {
  /** 5xx that Kong answered by itself. */
  readonly kong: number;
  /** 5xx of the service behind Kong. */
  readonly service: number;
  /** Connect, reset, timeout, protocol, unavailable, truncated. */
  readonly gateway: number;
  /** 5xx without Kong's headers. */
  readonly unattributed: number;
}

export interface FailureMakersReport {
  /** Whose failures count; absent in verdicts of earlier versions. */
  readonly attribution?: Attribution;
  /** Since the step began. */
  readonly step: { readonly x: MadeFailures; readonly y: MadeFailures };
  readonly last60s: { readonly x: MadeFailures; readonly y: MadeFailures };
}

/** The comparison that lacks most for an advance. */
export interface StreamNeed {
  readonly stream: string;
  /**
   * Requests on Y, with two significant digits, and when they will have come; null when unknown, or never at
   * these rates.
   */
  readonly requests: number | null;
  readonly seconds: number | null;
  /**
   * Between which times about three of four proofs end; absent where `seconds` is null, and in earlier
   * verdicts.
   */
  readonly range?: { readonly fromSeconds: number; readonly toSeconds: number };
}

export interface VerdictNumbers {
  /** One plain sentence with the numbers. */
  readonly text: string;
  /** ln of the combined e-value, and the bar it reverts at: ln(1/falseReverts). */
  readonly logEvidence: number;
  readonly logEvidenceBar: number;
  /** Bar of the non-inferiority tests: ln(1/0.05). */
  readonly logSafeBar: number;
  /** Stream with the most evidence against Y; null while none has any. */
  readonly cause: string | null;
  readonly streams: readonly StreamEvidence[];
  /**
   * Estimate of Y requests still needed for an advance, and by when at the present rate; null when unknown or
   * not needed.
   */
  readonly samplesNeeded: number | null;
  readonly secondsNeeded: number | null;
  /** Whose estimate that is; absent when nothing is needed, and in verdicts of earlier versions. */
  readonly needs?: StreamNeed;
  /** What is left of Y's warm-up; absent once it is over, and in verdicts of earlier versions. */
  readonly warmupSeconds?: number;
  readonly xHealthy: boolean;
  /** Rates over the last 10 and 60 seconds. */
  readonly last10s: Rates;
  readonly last60s: Rates;
  /** Who made the failures, whether or not it counts; absent in verdicts of earlier versions. */
  readonly failureMakers?: FailureMakersReport;
  /**
   * Kinds whose evidence would revert, and that are to be tested again instead; absent when there are none.
   */
  readonly toRetest?: readonly RetestKind[];
  /** Retests of this rollout, one for each kind that had any; absent when there were none. */
  readonly retests?: readonly RetestReport[];
  /** Routes to park where bad routes are parked; absent when there are none. */
  readonly badRoutes?: readonly BadRoute[];
}

/**
 * `rule` says why: `evidence` or `cap` for a revert, `not-worse` for an advance, what is lacking for a hold.
 */
export type Verdict =
  | (VerdictNumbers & { readonly decision: 'revert'; readonly rule: 'evidence' | 'cap' })
  | (VerdictNumbers & { readonly decision: 'advance'; readonly rule: 'not-worse' })
  | (VerdictNumbers & { readonly decision: 'hold'; readonly rule: HoldRule });
