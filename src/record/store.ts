// What the control plane keeps across restarts, as an interface: transitions and events that are never
// changed, the rollout as it stands, the analysis' memory, every config that was in force, a line of traffic
// per minute, and for some hours all counts.

import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from './frozen-evidence.ts';
import type { RecordAccess } from './record-access.ts';
import type { RecordEnd, RecordKey } from './record-end.ts';
import type { MinuteRow, RecordedEvent } from './recorded-event.ts';
import type { StoreResult } from './store-result.ts';
import type { TrafficWindow } from './traffic-window.ts';

export interface SavedSnapshot {
  readonly atMs: number;
  readonly snapshot: unknown;
}

/** The rollout as last saved, held to the record. */
export interface SavedRollout {
  /** Null when there was none. */
  readonly state: RolloutState | null;
  /** Grows with every change of the state; 0 before the first. */
  readonly revision: number;
  /** What was found wrong with what was saved, and what counts instead; null when nothing was. */
  readonly finding: string | null;
}

export interface Store extends RecordAccess {
  /** What signs the record; null when nothing does. */
  readonly key: RecordKey | null;
  /** Where the record ends; null before its first entry. */
  readonly recordEnd: RecordEnd | null;
  /** The rollout as last saved, null when there was none. */
  loadRollout(): StoreResult<RolloutState | null>;
  loadTrustedRollout(): StoreResult<SavedRollout>;
  /** Replaces the saved rollout without a transition: after a damaged file was replaced by a new one. */
  saveRollout(state: RolloutState, revision?: number): StoreResult<undefined>;
  /**
   * Keeps a transition, the state it led to and its event in one transaction that is on disk when this
   * returns.
   */
  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    revision?: number,
  ): StoreResult<undefined>;
  appendEvent(event: RecordedEvent): StoreResult<undefined>;
  /** Events with `id > after`, oldest first. */
  readEvents(after: number, limit: number): StoreResult<RecordedEvent[]>;
  lastEventId(): StoreResult<number>;
  saveAnalysis(atMs: number, snapshot: unknown): StoreResult<undefined>;
  loadAnalysis(): StoreResult<SavedSnapshot | null>;
  /** Keeps the value of something operators set at run time, such as a freeze; replaces the last one. */
  saveSetting(name: string, value: unknown): StoreResult<undefined>;
  /** The values last kept, by name. */
  loadSettings(): StoreResult<Record<string, unknown>>;
  /**
   * Keeps a config that differs from the last kept one, and answers its number; secrets must have been taken
   * out.
   */
  saveConfig(atMs: number, config: unknown): StoreResult<number>;
  /** Keeps what was frozen at a revert, with its event. */
  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): StoreResult<undefined>;
  saveMinute(row: MinuteRow): StoreResult<undefined>;
  /** Minutes with `fromMs <= atMs < toMs`, oldest first, at most `limit`. */
  readMinutes(fromMs: number, toMs: number, limit: number): StoreResult<MinuteRow[]>;
  /** Keeps windows that follow each other, oldest first, and drops those that are too old to be kept. */
  saveTraffic(windows: readonly TrafficWindow[]): StoreResult<undefined>;
  /**
   * Windows that were saved with a first one at `fromMs <= atMs < toMs`, oldest first, of at most `limit`
   * saves.
   */
  readTraffic(fromMs: number, toMs: number, limit: number): StoreResult<TrafficWindow[]>;
  /**
   * A sentence about the first thing in the record that does not fit; null when all does. Takes as long as
   * the record is long.
   */
  verifyRecord(): StoreResult<string | null>;
  /** Whether a write could begin now: not locked, not read-only. Writes nothing. */
  checkWritable(): StoreResult<undefined>;
  /** The file that it was opened with. */
  readonly file: string;
  /**
   * Writes everything into another file, which must be empty. Reads what is open, also when its name is gone.
   */
  copyTo(file: string): StoreResult<undefined>;
  /** Moves what the write-ahead log holds into the database's own file. */
  emptyLog(): StoreResult<undefined>;
  close(): void;
}
