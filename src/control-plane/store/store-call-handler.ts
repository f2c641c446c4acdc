// Carries out the calls on a store, in the thread that owns it. After a write that failed all others fail
// with it until the store is opened again: whoever sends them must learn of it before anything overtakes what
// was not written.

import { checkRecord } from '#src/record/record-check.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import { readRolloutRecord } from '#src/record/rollout-record.ts';
import type { Store } from '#src/record/store.ts';
import { done, type StoreProblem, type StoreResult } from '#src/record/store-result.ts';
import { saveFrom } from './save-record.ts';
import { type Opened, refused, type StoreMethod } from './store-calls.ts';
import type { ExpectedRecord } from './store-file.ts';
import type { StoreFiles } from './store-files.ts';
import type { StoreLock } from './store-lock.ts';

type Answering = Generator<undefined, StoreResult<unknown>>;

const writes: ReadonlySet<StoreMethod> = new Set<StoreMethod>([
  'saveRollout',
  'saveTransition',
  'appendEvent',
  'saveAnalysis',
  'saveSetting',
  'saveConfig',
  'saveEvidence',
  'saveMinute',
  'saveTraffic',
]);

/**
 * Opens the store, held to what is known of its record; `wasLocked`: whether an earlier process has locked
 * it.
 */
export type OpenStore = (expected: ExpectedRecord | null, wasLocked: boolean) => StoreResult<Store>;

export class StoreCallHandler {
  readonly #open: OpenStore;
  /** Null where no other process can come. */
  readonly #lock: StoreLock | null;
  /** Null where nobody can take the files away. */
  readonly #files: StoreFiles | null;
  #store: Store | null = null;
  /**
   * Whether what is open is the only copy of the record: its file was taken away, and it could not be saved
   * yet.
   */
  #isUnsaved = false;
  /**
   * What has happened to the file, and where the record was saved to, until the store opens again; null else.
   */
  #savedTo: StoreProblem | null = null;
  /** Why nothing is written. */
  #problem: StoreProblem | null = { kind: 'unavailable', text: 'The store is closed.' };

  constructor(open: OpenStore, lock: StoreLock | null, files: StoreFiles | null) {
    this.#open = open;
    this.#lock = lock;
    this.#files = files;
  }

  /** The store as it is open now. */
  get store(): Store | null {
    return this.#store;
  }

  /** Where the record ends; null while it is not open, or cannot be read. */
  get recordEnd(): RecordEnd | null {
    return this.#store?.recordEnd ?? null;
  }

  /**
   * The answer to a call. Long ones yield after every page; all others are done in one go, so that they keep
   * their order.
   */
  *answer(method: StoreMethod, args: readonly unknown[]): Answering {
    if (method === 'open') return this.#reopen(...(args as [ExpectedRecord | null]));
    if (method === 'close') {
      this.#close();
      this.#lock?.release();
      return done;
    }
    if (method === 'checkFiles') return this.#checkFiles();
    if (writes.has(method)) return this.#write(method as keyof Store, args);
    const store = this.#store;
    if (store === null) return refused(this.#refusal());
    switch (method) {
      case 'checkRecord':
        return yield* checkRecord(store, { key: store.key, end: (args as [string | null])[0] });
      case 'rolloutRecord':
        return yield* readRolloutRecord(store, ...(args as [string, number]));
      case 'evidence':
        return store.readRecord((record) => record.evidence(...(args as [string])));
      case 'evidenceList':
        return store.readRecord((record) => record.evidenceList(...(args as [number])));
      case 'rollouts':
        return store.readRecord((record) => record.rollouts(...(args as [number])));
      default:
        return call(store, method as keyof Store, args);
    }
  }

  /**
   * Opening again, rather than using the old handle, also finds a file that was moved away and put back. A
   * handle that has the only copy of the record is not given up before that is saved.
   */
  #reopen(expected: ExpectedRecord | null): StoreResult<Opened> {
    if (this.#isUnsaved) {
      const saved = this.#checkFiles();
      if (this.#isUnsaved) return saved as StoreResult<Opened>;
    }
    this.#close();
    const kept = this.#openOwned(expected);
    this.#problem = kept.ok ? kept.value.writeProblem : kept.problem;
    return kept;
  }

  /** The lock comes first: opening a store may already write to it. */
  #openOwned(expected: ExpectedRecord | null): StoreResult<Opened> {
    const locked = this.#lock?.take() ?? { ok: true, value: null };
    if (!locked.ok) return locked;
    const opened = this.#open(expected, this.#lock?.wasThere ?? false);
    // Who reads of it later has to learn where the record was saved to.
    if (!opened.ok) return this.#savedTo === null ? opened : refused(this.#savedTo);
    this.#savedTo = null;
    this.#store = opened.value;
    const taken = takenUp(opened.value, locked.value, expected);
    this.#files?.note();
    return taken;
  }

  /**
   * Whether the store's files are still its own; when not, what was in them is saved first, and nothing is
   * written any more.
   */
  #checkFiles(): StoreResult<undefined> {
    const store = this.#store;
    const change = this.#files?.change() ?? null;
    if (store === null) return refused(this.#refusal());
    if (change === null) {
      this.#isUnsaved = false;
      return this.#problem === null ? done : refused(this.#refusal());
    }
    const saved = saveFrom(store, change, this.#files?.ownLogs() ?? []);
    this.#isUnsaved = saved.isUnsaved;
    this.#problem = saved.problem;
    this.#savedTo = change.part === 'store' ? saved.problem : null;
    return refused(saved.problem);
  }

  #close(): void {
    this.#store?.close();
    this.#store = null;
    this.#problem = { kind: 'unavailable', text: 'The store is closed.' };
  }

  #write(method: keyof Store, args: readonly unknown[]): StoreResult<unknown> {
    if (this.#store === null || this.#problem !== null) return refused(this.#refusal());
    const result = call(this.#store, method, args);
    if (!result.ok) this.#problem = result.problem;
    return result;
  }

  #refusal(): StoreProblem {
    return this.#problem ?? { kind: 'unavailable', text: 'The store is closed.' };
  }
}

/** The types of the calls were checked where they were sent. */
function call(store: Store, method: keyof Store, args: readonly unknown[]): StoreResult<unknown> {
  const carryOut = store[method] as (...args: readonly unknown[]) => StoreResult<unknown>;
  return carryOut.apply(store, [...args]);
}

function takenUp(
  store: Store,
  unlockedBecause: string | null,
  expected: ExpectedRecord | null,
): StoreResult<Opened> {
  const lastEventId = store.lastEventId();
  if (!lastEventId.ok) return lastEventId;
  const rollout = store.loadTrustedRollout();
  if (!rollout.ok) return rollout;
  const analysis = store.loadAnalysis();
  if (!analysis.ok) return analysis;
  const settings = store.loadSettings();
  if (!settings.ok) return settings;
  const writable = store.checkWritable();
  return {
    ok: true,
    value: {
      unlockedBecause,
      writeProblem: writable.ok ? null : writable.problem,
      lastEventId: lastEventId.value,
      rollout: rollout.value.state,
      revision: rollout.value.revision,
      findings: [rollout.value.finding, missingEnd(store, expected)].filter((text) => text !== null),
      analysis: analysis.value,
      settings: settings.value,
    },
  };
}

/**
 * What is missing at the end of a record that is used all the same: it may be a copy, put there on purpose.
 */
function missingEnd(store: Store, expected: ExpectedRecord | null): string | null {
  if (expected === null || expected.end === null) return null;
  const { id, hash } = expected.end;
  const found = store.readRecord((record) => record.journalIdOf(hash));
  if (!found.ok || found.value === id) return null;
  return `The record lacks entry ${id}, which ${expected.source} tells of: its end was cut off or lost with the power, or an older copy was put in its place.`;
}
