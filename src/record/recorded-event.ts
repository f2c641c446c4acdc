// The lines of the record: events that are never changed, and a line of traffic per minute.
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type { EvidenceShare } from './evidence-share.ts';

/** One line of the record as users read it. */
export interface RecordedEvent {
  /** Grows by one per event; what `after=` compares with. */
  readonly id: number;
  readonly atMs: number;
  /** Stable name, e.g. `rollout-step`, `node-unhealthy`. */
  readonly name: string;
  readonly actor: string;
  /** One plain sentence. */
  readonly text: string;
  readonly detail: unknown;
}

export interface ClusterMinute {
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface MinuteRow {
  /** Start of the minute, Unix epoch ms. */
  readonly atMs: number;
  readonly phase: RolloutState['phase'];
  readonly weightPpm: number;
  readonly clusters: Readonly<Record<ClusterName, ClusterMinute>>;
  /** As it was when the minute was over. */
  readonly evidence?: EvidenceShare;
}
