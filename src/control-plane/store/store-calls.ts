// What the control thread and the store's thread say to each other: calls by name, each answered once, in
// order.

import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RecordCheck } from '#src/record/record-check.ts';
import type { EvidenceSummary, RolloutSummary } from '#src/record/record-reader.ts';
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import type { SavedSnapshot, Store } from '#src/record/store.ts';
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';

/** What is taken up from a store that was just opened. */
export interface Opened {
  readonly rollout: RolloutState | null;
  readonly analysis: SavedSnapshot | null;
  /** By name. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly lastEventId: number;
  /** Why it can be read but not written; null when it can. */
  readonly writeProblem: StoreProblem | null;
  /** Why nothing keeps another process from using it too; null when it is locked. */
  readonly unlockedBecause: string | null;
}

type WriteNames =
  | 'saveRollout'
  | 'saveTransition'
  | 'appendEvent'
  | 'saveAnalysis'
  | 'saveSetting'
  | 'saveConfig'
  | 'saveEvidence'
  | 'saveMinute'
  | 'saveTraffic';

export type StoreWrites = Pick<Store, WriteNames>;

export interface StoreReads
  extends Pick<Store, 'readEvents' | 'readMinutes' | 'readTraffic' | 'verifyRecord'> {
  evidenceList(limit: number): StoreResult<EvidenceSummary[]>;
  evidence(id: string): StoreResult<FrozenEvidence | null>;
  rollouts(limit: number): StoreResult<RolloutSummary[]>;
  /** The last two are read in pages, between which other calls are answered. */
  checkRecord(): StoreResult<RecordCheck>;
  rolloutRecord(wanted: string, nowMs: number): StoreResult<RolloutRecord | null>;
}

interface StoreMethods extends StoreWrites, StoreReads {
  /**
   * Opens the file, or opens it again. After a write that failed, the only call that makes others succeed.
   */
  open(): StoreResult<Opened>;
  close(): StoreResult<undefined>;
}

export type StoreMethod = keyof StoreMethods;
export type ArgsOf<M extends StoreMethod> = Parameters<StoreMethods[M]>;
export type ResultOf<M extends StoreMethod> = ReturnType<StoreMethods[M]>;
/** What a call answers with when it went well. */
export type ValueOf<M extends StoreMethod> = Extract<ResultOf<M>, { ok: true }>['value'];

/**
 * The way to a store that answers when it can. Calls are carried out in the order in which they were sent.
 */
export interface StorePort {
  /**
   * `done` is called exactly once: with the answer, or with what has become of the one who should have given
   * it.
   */
  send<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: (result: ResultOf<M>) => void): void;
  /** Gives the store up without waiting for it. */
  end(): void;
}

export interface StoreCall {
  readonly id: number;
  readonly method: StoreMethod;
  readonly args: readonly unknown[];
}

export interface StoreAnswer {
  readonly id: number;
  readonly result: StoreResult<unknown>;
}

export interface StoreThreadStart {
  readonly file: string;
  /** How long a statement waits for another process' lock. */
  readonly busyTimeoutMs: number;
}

export const refused = (problem: StoreProblem): { readonly ok: false; readonly problem: StoreProblem } => ({
  ok: false,
  problem,
});
