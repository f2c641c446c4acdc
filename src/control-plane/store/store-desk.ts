// Carries out the calls on a store, in the thread that owns it. After a write that failed all others fail
// with it until the store is opened again: whoever sends them must learn of it before anything overtakes what
// was not written.

import { checkRecord } from '#src/record/record-check.ts';
import { readRolloutRecord } from '#src/record/rollout-record.ts';
import type { Store } from '#src/record/store.ts';
import { done, type StoreProblem, type StoreResult } from '#src/record/store-result.ts';
import { type Opened, refused, type StoreMethod } from './store-calls.ts';
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

export class StoreDesk {
  readonly #open: () => StoreResult<Store>;
  /** Null where no other process can come. */
  readonly #lock: StoreLock | null;
  #store: Store | null = null;
  /** Why nothing is written. */
  #problem: StoreProblem | null = { kind: 'unavailable', text: 'The store is closed.' };

  constructor(open: () => StoreResult<Store>, lock: StoreLock | null) {
    this.#open = open;
    this.#lock = lock;
  }

  /** The store as it is open now. */
  get store(): Store | null {
    return this.#store;
  }

  /**
   * The answer to a call. Long ones yield after every page; all others are done in one go, so that they keep
   * their order.
   */
  *answer(method: StoreMethod, args: readonly unknown[]): Answering {
    if (method === 'open') return this.#reopen();
    if (method === 'close') {
      this.#close();
      this.#lock?.release();
      return done;
    }
    if (writes.has(method)) return this.#write(method as keyof Store, args);
    const store = this.#store;
    if (store === null) return refused(this.#refusal());
    switch (method) {
      case 'checkRecord':
        return yield* checkRecord(store);
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

  /** Opening again, rather than using the old handle, also finds a file that was moved away and put back. */
  #reopen(): StoreResult<Opened> {
    this.#close();
    const kept = this.#openOwned();
    this.#problem = kept.ok ? kept.value.writeProblem : kept.problem;
    return kept;
  }

  /** The lock comes first: opening a store may already write to it. */
  #openOwned(): StoreResult<Opened> {
    const locked = this.#lock?.take() ?? { ok: true, value: null };
    if (!locked.ok) return locked;
    const opened = this.#open();
    if (!opened.ok) return opened;
    this.#store = opened.value;
    return takenUp(opened.value, locked.value);
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

function takenUp(store: Store, unlockedBecause: string | null): StoreResult<Opened> {
  const lastEventId = store.lastEventId();
  if (!lastEventId.ok) return lastEventId;
  const rollout = store.loadRollout();
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
      rollout: rollout.value,
      analysis: analysis.value,
      settings: settings.value,
    },
  };
}
