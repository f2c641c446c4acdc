// The store as the control plane uses it: never waited for. What is recorded stays in an outbox, in order and
// within a bound, until the store has acknowledged it; what must be on record before something else happens
// has a callback. A store that fails or hangs is unusable until it has taken what is in the outbox.
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import type { MinuteRow, RecordedEvent } from '#src/record/recorded-event.ts';
import type { SavedSnapshot } from '#src/record/store.ts';
import type { StoreProblem, StoreResult } from '#src/record/store-result.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import type { HandOver, Unrecorded } from '#src/shared-memory/messages.ts';
import { AcknowledgedChanges, type AcknowledgedOptions } from './acknowledged-changes.ts';
import type { FoundChange, NewestRollout } from './newest-rollout.ts';
import { Outbox, type OutgoingRecord } from './outbox.ts';
import { StoreAvailability, storeRetryMs } from './store-availability.ts';
import {
  type ArgsOf,
  type Opened,
  type ResultOf,
  refused,
  type StorePort,
  type StoreReads,
  type StoreWrites,
  type ValueOf,
} from './store-calls.ts';
import { StoreChannel } from './store-channel.ts';

interface DurableStoreOptions {
  readonly port: StorePort;
  /** For words about it. */
  readonly file: string;
  /** Told once per change between usable and not; not of how the first attempt to open it went. */
  readonly onChange: (problem: StoreProblem | null) => void;
  /**
   * Asked whenever the store was opened, before what waits is written: the last event id in it and the id of
   * the first event that waits. Answers by how much the ids that wait must grow, because events may have been
   * numbered without it.
   */
  readonly reconcileIds: (lastEventId: number, firstQueuedId: number | null) => number;
  /** What is known of the rollout besides the store; absent: nothing, and no mark is kept. */
  readonly acknowledged?: AcknowledgedOptions;
  /** Told of a transition that had happened before it was on record, now that it is. */
  readonly onRecorded?: (event: RecordedEvent) => void;
}

const nothingElse: AcknowledgedOptions = {
  markedStore: null,
  handedOver: null,
  isSplitKnown: true,
  epochMs: Date.now,
};
const nothingUnrecorded: Unrecorded = { transitions: 0, events: 0, isMarked: true };
const closed: StoreProblem = { kind: 'unavailable', text: 'The store is closed.' };

export class DurableStore {
  readonly #options: DurableStoreOptions;
  readonly #outbox = new Outbox();
  readonly #channel: StoreChannel;
  readonly #changes: AcknowledgedChanges;
  readonly #availability: StoreAvailability;
  #opened: Opened | null = null;
  /** The rollout as it was when the store was opened, wherever that was kept; null before. */
  #newest: NewestRollout | null = null;
  readonly #waitingForStore = new Set<() => void>();
  #markDueAtMs = 0;
  #analysesUnderWay = 0;

  /**
   * Begins to open it; a port that answers at once has done so when this returns, unless a mark has to be
   * read before.
   */
  constructor(options: DurableStoreOptions) {
    this.#options = options;
    this.#channel = new StoreChannel(options.port, () => this.#availability.answersAgain());
    this.#changes = new AcknowledgedChanges(options.acknowledged ?? nothingElse);
    this.#availability = new StoreAvailability({
      file: options.file,
      channel: this.#channel,
      changes: this.#changes,
      onOpened: (opened) => this.#takeUp(opened),
      send: () => this.#sendRecords(),
      isSent: () => this.#outbox.length === 0,
      onChange: options.onChange,
    });
    this.#availability.open();
  }

  /**
   * Resolves when the first attempt to open it is over, at the latest after `msMax`: then it counts as
   * hanging.
   */
  ready(msMax: number): Promise<void> {
    return this.#availability.ready(msMax);
  }

  get writable(): boolean {
    return this.problem === null;
  }

  get problem(): StoreProblem | null {
    return this.#availability.problem;
  }

  /**
   * Why nothing keeps another process from using the store as well; null when it is locked, or not open yet.
   */
  get unlockedBecause(): string | null {
    return this.#opened?.unlockedBecause ?? null;
  }

  /** What was wrong with the record when it was opened, in words. */
  get findings(): readonly string[] {
    return this.#opened?.findings ?? [];
  }

  /** Where the record ended when the store last answered; null before it was open. */
  get recordEnd(): RecordEnd | null {
    return this.#channel.recordEnd;
  }

  /** What the store does not have yet; null when it has everything. */
  get unrecorded(): Unrecorded | null {
    if (this.#outbox.length === 0) return null;
    const transitions = this.#outbox.transitionCount;
    return { transitions, events: this.#outbox.length - transitions, isMarked: this.#changes.isKept };
  }

  /** Records that the store has not acknowledged. */
  get queuedCount(): number {
    return this.#outbox.length;
  }

  /** Records lost because too many waited, since the start. */
  get droppedCount(): number {
    return this.#outbox.droppedCount;
  }

  /** Evidence that the store has not acknowledged, the newest first. */
  get queuedEvidence(): FrozenEvidence[] {
    return this.#outbox.evidence();
  }

  /**
   * Why the mark could not be written last; null when it could, or none is kept. Waits for a write that is
   * under way.
   */
  async markProblem(msMax: number): Promise<string | null> {
    await this.#changes.settled(msMax);
    return this.#changes.markProblem;
  }

  // ---- what it held when it was opened ----

  /**
   * The rollout as it was when the store was opened, null when there was none: on record, or acknowledged and
   * kept elsewhere, whatever is newer.
   */
  loadRollout(): StoreResult<RolloutState | null> {
    if (this.#newest === null) return refused(this.problem ?? closed);
    return { ok: true, value: this.#newest.state };
  }

  /** What that state is when it was not on record, for the record; given once. */
  takeFound(): FoundChange | null {
    return this.#changes.takeFound();
  }

  loadAnalysis(): StoreResult<SavedSnapshot | null> {
    return this.#taken(({ analysis }) => analysis);
  }

  loadSetting(name: string): StoreResult<unknown> {
    return this.#taken(({ settings }) => settings[name] ?? null);
  }

  #taken<T>(of: (opened: Opened) => T): StoreResult<T> {
    if (this.#opened === null) return refused(this.problem ?? closed);
    return { ok: true, value: of(this.#opened) };
  }

  #takeUp(opened: Opened): void {
    this.#opened = opened;
    this.#newest = this.#changes.takeUp(opened, this.recordEnd);
    const shift = this.#options.reconcileIds(opened.lastEventId, this.#outbox.firstEventId);
    this.#outbox.renumber(shift);
  }

  // ---- writing ----

  /** Keeps what must be on record before it happens; write-answer.ts tells when the callbacks are called. */
  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    settle: (result: StoreResult<undefined>) => void,
    answered: (isKept: boolean) => void,
  ): void {
    const revision = this.#changes.next();
    const keep = (result: StoreResult<undefined>): void => {
      if (result.ok) this.#changes.raised(revision);
      settle(result);
    };
    this.#await('saveTransition', [transition, state, event, revision], keep, answered);
  }

  /** For what has already happened and cannot be refused, such as a revert. */
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void {
    const revision = this.#changes.happened(transition, state, this.recordEnd);
    this.#record({ kind: 'transition', transition, state, event, revision });
  }

  /**
   * Resolves with whether all that has happened to the rollout would survive a restart, in the store or in
   * the mark: as soon as it is so, at the latest after `msMax`. False while nobody knows what would.
   */
  async recorded(msMax: number): Promise<boolean> {
    return this.#changes.isTakenUp && (await this.#changes.whenKept(msMax));
  }

  /** Resolves when the store has every transition that has happened, at the latest after `msMax`. */
  async stored(msMax: number): Promise<void> {
    if (this.#outbox.transitionCount === 0) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(late);
        this.#waitingForStore.delete(settle);
        resolve();
      };
      const late = setTimeout(settle, msMax);
      this.#waitingForStore.add(settle);
    });
  }

  appendEvent(event: RecordedEvent): void {
    this.#record({ kind: 'event', event });
  }

  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): void {
    this.#record({ kind: 'evidence', evidence, event });
  }

  saveRollout(state: RolloutState): void {
    const revision = this.#changes.next();
    this.#write('saveRollout', [state, revision], (isKept) => isKept && this.#changes.stored(revision));
  }

  /** Replaces the last one; not while more than one is under way, because the next will say more. */
  saveAnalysis(atMs: number, snapshot: unknown): void {
    if (this.problem !== null || this.#analysesUnderWay > 1) return;
    this.#analysesUnderWay++;
    this.#write('saveAnalysis', [atMs, snapshot], () => this.#analysesUnderWay--);
  }

  saveMinute(row: MinuteRow): void {
    this.#write('saveMinute', [row]);
  }

  saveTraffic(windows: readonly TrafficWindow[]): void {
    this.#write('saveTraffic', [windows]);
  }

  /** Resolves when it is kept, or will not be counted on. */
  saveSetting(name: string, value: unknown): Promise<StoreResult<undefined>> {
    return new Promise((resolve) => this.#await('saveSetting', [name, value], resolve));
  }

  /** The number under which a config is on record. */
  saveConfig(atMs: number, config: unknown): Promise<StoreResult<number>> {
    return new Promise((resolve) => this.#await('saveConfig', [atMs, config], resolve));
  }

  #record(record: OutgoingRecord): void {
    this.#outbox.add(record);
    if (this.#availability.isSending) this.#sendRecords();
  }

  #sendRecords(): void {
    for (const waiting of this.#outbox.send()) {
      const [method, args] = callOf(waiting.record);
      this.#channel.call(method, args, (result) => {
        this.#outbox.answered(waiting, result.ok);
        if (result.ok && waiting.record.kind === 'transition') this.#hasRecorded(waiting.record);
        this.#availability.learn(result);
        this.#availability.finishFlush();
      });
    }
  }

  #hasRecorded({ revision, event }: Extract<OutgoingRecord, { kind: 'transition' }>): void {
    this.#changes.stored(revision);
    this.#options.onRecorded?.(event);
    if (this.#outbox.transitionCount === 0) for (const settle of [...this.#waitingForStore]) settle();
  }

  /** A write that may be lost. */
  #write<M extends keyof StoreWrites>(
    method: M,
    args: ArgsOf<M>,
    done: (isKept: boolean) => void = () => {},
  ): void {
    if (this.problem !== null) return;
    this.#channel.call(method, args, (result) => {
      done(result.ok);
      this.#availability.learn(result);
    });
  }

  #await<M extends keyof StoreWrites>(
    method: M,
    args: ArgsOf<M>,
    settle: (result: ResultOf<M>) => void,
    answered: (isKept: boolean) => void = () => {},
  ): void {
    const { problem } = this;
    if (problem === null) {
      this.#channel.ask(method, args, settle, (result) => {
        this.#availability.learn(result);
        answered(result.ok);
      });
      return;
    }
    answered(false);
    settle(refused(problem) as ResultOf<M>);
  }

  // ---- reading ----

  /** Asks the store; of one that hangs, nothing. */
  read<M extends keyof StoreReads>(method: M, ...args: ArgsOf<M>): Promise<StoreResult<ValueOf<M>>> {
    return new Promise((resolve) => {
      if (this.#availability.isHanging) resolve(refused(this.problem ?? closed));
      else this.#channel.ask(method, args, resolve as (result: StoreResult<unknown>) => void);
    });
  }

  // ---- life ----

  /** Watches for silence and tries to get back to a usable store; call it every tick. */
  tick(nowMs: number): void {
    if (nowMs >= this.#markDueAtMs) {
      this.#markDueAtMs = nowMs + storeRetryMs;
      this.#changes.retry(this.recordEnd);
    }
    this.#availability.tick(nowMs);
  }

  /**
   * Has everything written that was sent, leaves a mark, and closes the store, and with it the lock; resolves
   * with what is left, at the latest after `msMax`.
   */
  async close(msMax: number): Promise<{ handOver: HandOver; unrecorded: Unrecorded }> {
    const untilMs = performance.now() + msMax;
    if (this.#changes.keepsMark) {
      // Answered when everything before it is.
      await this.#answered('checkFiles', msMax / 3);
      await this.#changes.close(this.recordEnd, msMax / 3);
    }
    await this.#answered('close', Math.max(0, untilMs - performance.now()));
    this.#channel.end();
    const unrecorded = this.unrecorded ?? nothingUnrecorded;
    return { handOver: this.#changes.handOver(this.recordEnd), unrecorded };
  }

  /** Resolves when the store has answered, at the latest after `msMax`. */
  #answered(method: 'checkFiles' | 'close', msMax: number): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, msMax);
      this.#channel.call(method, [], () => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}

type RecordMethod = 'saveTransition' | 'saveEvidence' | 'appendEvent';

function callOf(record: OutgoingRecord): [RecordMethod, ArgsOf<RecordMethod>] {
  switch (record.kind) {
    case 'transition':
      return ['saveTransition', [record.transition, record.state, record.event, record.revision]];
    case 'evidence':
      return ['saveEvidence', [record.evidence, record.event]];
    case 'event':
      return ['appendEvent', [record.event]];
  }
}
