// The store as the control plane uses it: opened and reopened in the background, failing fast while it is unusable, and
// keeping what was recorded meanwhile, in order and within a bound, for when it comes back.
import { unreachable } from '#src/base/assert.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '../evidence/frozen-evidence.ts';
import type { TrafficWindow } from '../traffic-window.ts';
import type { RecordReader } from './record-reader.ts';
import type { MinuteRow, RecordedEvent, SavedSnapshot, Store } from './store.ts';
import type { StoreProblem, StoreResult } from './store-result.ts';

/** Records kept in memory while the store is unusable; about 10 MB. Beyond it the oldest events go, transitions last. */
export const queuedRecordsMax = 5_000;
/** Time between attempts to write again. */
export const storeRetryMs = 1_000;

type QueuedRecord =
  | {
      readonly kind: 'transition';
      readonly transition: Transition;
      readonly state: RolloutState;
      readonly event: RecordedEvent;
    }
  | { readonly kind: 'evidence'; readonly evidence: FrozenEvidence; readonly event: RecordedEvent }
  | { readonly kind: 'event'; readonly event: RecordedEvent };

export interface DurableStoreOptions {
  readonly open: () => StoreResult<Store>;
  /** Told once per change between usable and not. */
  readonly onChange: (problem: StoreProblem | null) => void;
  /**
   * Asked when the store is back, before queued records are written: the last event id in it and the id of the first
   * queued event. Answers by how much the queued ids must grow, because events may have been numbered without the store.
   */
  readonly reconcileIds: (lastEventId: number, firstQueuedId: number | null) => number;
}

export class DurableStore implements Store {
  readonly #options: DurableStoreOptions;
  #store: Store | null = null;
  #problem: StoreProblem | null = null;
  #queue: QueuedRecord[] = [];
  #droppedCount = 0;
  #retryAtMs = 0;

  constructor(options: DurableStoreOptions) {
    this.#options = options;
    const opened = options.open();
    if (opened.ok) this.#store = opened.value;
    else this.#problem = opened.problem;
  }

  get writable(): boolean {
    return this.#problem === null;
  }

  get problem(): StoreProblem | null {
    return this.#problem;
  }

  /** Records that wait for the store to come back. */
  get queuedCount(): number {
    return this.#queue.length;
  }

  /** Records lost because the queue was full, since the start. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  saveRollout(state: RolloutState): StoreResult<undefined> {
    return this.#write((store) => store.saveRollout(state));
  }

  saveTransition(transition: Transition, state: RolloutState, event: RecordedEvent): StoreResult<undefined> {
    return this.#write((store) => store.saveTransition(transition, state, event));
  }

  /** For what has already happened and cannot be refused, such as a revert: written now or, at the latest, when the store is back. */
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void {
    const saved = this.saveTransition(transition, state, event);
    if (!saved.ok) this.#enqueue({ kind: 'transition', transition, state, event });
  }

  appendEvent(event: RecordedEvent): StoreResult<undefined> {
    const appended = this.#write((store) => store.appendEvent(event));
    if (!appended.ok) this.#enqueue({ kind: 'event', event });
    return appended;
  }

  saveAnalysis(atMs: number, snapshot: unknown): StoreResult<undefined> {
    return this.#write((store) => store.saveAnalysis(atMs, snapshot));
  }

  saveSetting(name: string, value: unknown): StoreResult<undefined> {
    return this.#write((store) => store.saveSetting(name, value));
  }

  loadSetting(name: string): StoreResult<unknown> {
    return this.#read((store) => store.loadSetting(name));
  }

  saveConfig(atMs: number, config: unknown): StoreResult<number> {
    return this.#write((store) => store.saveConfig(atMs, config));
  }

  /** Written now or, at the latest, when the store is back. */
  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): StoreResult<undefined> {
    const saved = this.#write((store) => store.saveEvidence(evidence, event));
    if (!saved.ok) this.#enqueue({ kind: 'evidence', evidence, event });
    return saved;
  }

  /** Evidence that waits for the store to come back, the newest first. */
  get queuedEvidence(): FrozenEvidence[] {
    return this.#queue.flatMap((record) => (record.kind === 'evidence' ? [record.evidence] : [])).reverse();
  }

  readRecord<T>(query: (record: RecordReader) => T): StoreResult<T> {
    return this.#read((store) => store.readRecord(query));
  }

  saveMinute(row: MinuteRow): StoreResult<undefined> {
    return this.#write((store) => store.saveMinute(row));
  }

  saveTraffic(windows: readonly TrafficWindow[]): StoreResult<undefined> {
    return this.#write((store) => store.saveTraffic(windows));
  }

  readTraffic(fromMs: number, toMs: number, limit: number): StoreResult<TrafficWindow[]> {
    return this.#read((store) => store.readTraffic(fromMs, toMs, limit));
  }

  loadRollout(): StoreResult<RolloutState | null> {
    return this.#read((store) => store.loadRollout());
  }

  loadAnalysis(): StoreResult<SavedSnapshot | null> {
    return this.#read((store) => store.loadAnalysis());
  }

  readEvents(after: number, limit: number): StoreResult<RecordedEvent[]> {
    return this.#read((store) => store.readEvents(after, limit));
  }

  lastEventId(): StoreResult<number> {
    return this.#read((store) => store.lastEventId());
  }

  readMinutes(fromMs: number, toMs: number, limit: number): StoreResult<MinuteRow[]> {
    return this.#read((store) => store.readMinutes(fromMs, toMs, limit));
  }

  verifyRecord(count: number): StoreResult<string | null> {
    return this.#read((store) => store.verifyRecord(count));
  }

  checkWritable(): StoreResult<undefined> {
    return this.#write((store) => store.checkWritable());
  }

  /** Tries to get back to a usable store; call it every tick, it paces itself. */
  retry(nowMs: number): void {
    if (this.#problem === null || nowMs < this.#retryAtMs) return;
    this.#retryAtMs = nowMs + storeRetryMs;
    const problem = this.#reopen() ?? this.#flushQueue();
    if (problem === null) this.#becomeUsable();
    else this.#problem = problem;
  }

  close(): void {
    this.#store?.close();
    this.#store = null;
  }

  /** Reopening, rather than using the old handle, also finds a file that was moved away and put back. */
  #reopen(): StoreProblem | null {
    this.close();
    const opened = this.#options.open();
    if (!opened.ok) return opened.problem;
    this.#store = opened.value;
    return null;
  }

  #flushQueue(): StoreProblem | null {
    const store = this.#store;
    if (store === null) return this.#problem;
    const lastId = store.lastEventId();
    if (!lastId.ok) return lastId.problem;
    const writable = store.checkWritable();
    if (!writable.ok) return writable.problem;
    const offset = this.#options.reconcileIds(lastId.value, this.#queue[0]?.event.id ?? null);
    if (offset > 0) this.#queue = this.#queue.map((record) => renumbered(record, offset));
    for (const [index, record] of this.#queue.entries()) {
      const written = writeTo(store, record);
      if (written.ok) continue;
      this.#queue.splice(0, index);
      return written.problem;
    }
    this.#queue = [];
    return null;
  }

  #becomeUsable(): void {
    this.#problem = null;
    this.#options.onChange(null);
  }

  #write<T>(action: (store: Store) => StoreResult<T>): StoreResult<T> {
    const store = this.#store;
    if (this.#problem !== null || store === null) return this.#refusal();
    const result = action(store);
    if (!result.ok) this.#becomeUnusable(result.problem);
    return result;
  }

  #read<T>(action: (store: Store) => StoreResult<T>): StoreResult<T> {
    return this.#store === null ? this.#refusal() : action(this.#store);
  }

  #refusal(): { ok: false; problem: StoreProblem } {
    const problem = this.#problem ?? { kind: 'unavailable', text: 'The store is closed.' };
    return { ok: false, problem };
  }

  #becomeUnusable(problem: StoreProblem): void {
    this.#problem = problem;
    this.#options.onChange(problem);
  }

  #enqueue(record: QueuedRecord): void {
    this.#queue.push(record);
    // The event that tells of the failure may get in line before the record whose writing failed.
    this.#queue.sort((a, b) => a.event.id - b.event.id);
    if (this.#queue.length <= queuedRecordsMax) return;
    const oldestEvent = this.#queue.findIndex((queued) => queued.kind === 'event');
    this.#queue.splice(Math.max(0, oldestEvent), 1);
    this.#droppedCount++;
  }
}

function renumbered(record: QueuedRecord, offset: number): QueuedRecord {
  return { ...record, event: { ...record.event, id: record.event.id + offset } };
}

function writeTo(store: Store, record: QueuedRecord): StoreResult<undefined> {
  switch (record.kind) {
    case 'event':
      return store.appendEvent(record.event);
    case 'evidence':
      return store.saveEvidence(record.evidence, record.event);
    case 'transition':
      return store.saveTransition(record.transition, record.state, record.event);
    default:
      return unreachable(record);
  }
}
