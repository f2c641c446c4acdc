// What is kept of the moment of a revert: plain data, never changed. It answers "what did Y do wrong, and to
// whom" when the traffic is long gone.

import type { FailureKind } from '#src/base/error-catalog.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type { AnswerMaker, SampleCause } from '#src/shared-memory/messages.ts';
import type { NodeView } from './node-view.ts';

/** A cluster's traffic over some seconds. First attempts only. */
export interface ArmTraffic {
  readonly requests: number;
  readonly failures: number;
  /** Of successes; null without any. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface EvidenceWindow {
  /** Its end, Unix epoch ms. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly x: ArmTraffic;
  readonly y: ArmTraffic;
}

export interface RouteFailures {
  readonly route: string;
  readonly x: { readonly requests: number; readonly failures: number };
  readonly y: { readonly requests: number; readonly failures: number };
}

/** A request on Y that speaks against it. */
export interface CauseRequest {
  readonly atMs: number;
  readonly requestId: string;
  /** Method and path without the query. */
  readonly request: string;
  readonly route: string;
  readonly node: string | null;
  /** Status that Y answered with; null when it did not get to answer. */
  readonly status: number | null;
  /** What went wrong where there was no status. */
  readonly kind: FailureKind | null;
  /**
   * How far it had come and what happened then, where it failed at the gateway; absent in what earlier
   * versions kept.
   */
  readonly cause?: SampleCause | null;
  /** Who made the answer; null when Kong's headers do not tell, absent in what earlier versions kept. */
  readonly maker?: AnswerMaker | null;
  readonly latencyMs: number;
}

export interface FrozenEvidence {
  /** The rollout's id, or `split-` and the time for a split that was set by hand. */
  readonly id: string;
  /** When it was reverted, Unix epoch ms. */
  readonly atMs: number;
  readonly rolloutId: string | null;
  readonly actor: string;
  /** Why, as a stable name and in words. */
  readonly cause: { readonly name: string; readonly text: string };
  /** Percent of Y before. */
  readonly fromWeight: number;
  readonly configRevision: number;
  /** What could not be had, in words; null when all is here. */
  readonly problem: string | null;
  /** The analysis' verdict with every stream; null before the first. */
  readonly verdict: Verdict | null;
  /** The last minutes, oldest first. */
  readonly windows: readonly EvidenceWindow[];
  /** Routes that failed on Y in these minutes, but in no earlier rollout, the worst first. */
  readonly routes: readonly RouteFailures[];
  /**
   * The last requests on Y that belong to the cause, in these minutes, but in no earlier rollout, oldest
   * first: for a status class those with it, for a latency the slow ones, else what failed.
   */
  readonly samples: readonly CauseRequest[];
  readonly nodes: Readonly<Record<ClusterName, readonly NodeView[]>>;
}
