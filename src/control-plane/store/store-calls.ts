// What the control thread and the store's thread say to each other: calls by name, each answered once, in
// order.

import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RecordCheck } from '#src/record/record-check.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import type { EvidenceSummary, RolloutSummary } from '#src/record/record-reader.ts';
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import type { SavedSnapshot, Store } from '#src/record/store.ts';
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';
import type { ExpectedRecord } from './store-file.ts';

/** What is taken up from a store that was just opened. */
export interface Opened {
  readonly rollout: RolloutState | null;
  /** Of the rollout: grows with every change of it. */
  readonly revision: number;
  /** What was found wrong with the record and does not keep it from being used, in words. */
  readonly findings: readonly string[];
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

export interface StoreReads extends Pick<Store, 'readEvents' | 'readMinutes' | 'readTraffic'> {
  evidenceList(limit: number): StoreResult<EvidenceSummary[]>;
  evidence(id: string): StoreResult<FrozenEvidence | null>;
  rollouts(limit: number): StoreResult<RolloutSummary[]>;
  /**
   * The last two are read in pages, between which other calls are answered. `end`: one that was kept
   * elsewhere, or null.
   */
  checkRecord(end: string | null): StoreResult<RecordCheck>;
  rolloutRecord(wanted: string, nowMs: number): StoreResult<RolloutRecord | null>;
}

interface StoreMethods extends StoreWrites, StoreReads {
  /**
   * Opens the file, or opens it again. After a write that failed, the only call that makes others succeed.
   * `expected`: what is known of the record in it, null when nothing is.
   */
  open(expected: ExpectedRecord | null): StoreResult<Opened>;
  /**
   * Whether the files that it was opened with are still there; a problem when not, with where the record was
   * saved to.
   */
  checkFiles(): StoreResult<undefined>;
  close(): StoreResult<undefined>;
}

export type StoreMethod = keyof StoreMethods;
export type ArgsOf<M extends StoreMethod> = Parameters<StoreMethods[M]>;
export type ResultOf<M extends StoreMethod> = ReturnType<StoreMethods[M]>;
/** What a call answers with when it went well. */
export type ValueOf<M extends StoreMethod> = Extract<ResultOf<M>, { ok: true }>['value'];

export type Done<M extends StoreMethod> = (result: ResultOf<M>, end: RecordEnd | null) => void;

/**
 * The way to a store that answers when it can. Calls are carried out in the order in which they were sent.
 */
export interface StorePort {
  /**
   * `done` is called exactly once: with the answer, and where the record ends after the call, or with what
   * has become of the one who should have given it.
   */
  send<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: Done<M>): void;
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
  /** Where the record ends after the call; null while it is not open. */
  readonly end: RecordEnd | null;
}

export interface StoreThreadStart {
  readonly file: string;
  /** How long a statement waits for another process' lock. */
  readonly busyTimeoutMs: number;
  /** The file with what signs the record; null when the environment has it, or nothing does. */
  readonly keyFile: string | null;
}

export const refused = (problem: StoreProblem): { readonly ok: false; readonly problem: StoreProblem } => ({
  ok: false,
  problem,
});
