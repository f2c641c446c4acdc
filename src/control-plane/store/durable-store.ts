// The store as the control plane uses it: never waited for. What is recorded stays in an outbox, in order and
// within a bound, until the store has acknowledged it; what must be on record before something else happens
// has a callback. A store that fails or hangs is unusable until it has taken what is in the outbox.
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { tickMs } from '#src/limits.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { MinuteRow, RecordedEvent } from '#src/record/recorded-event.ts';
import type { SavedSnapshot } from '#src/record/store.ts';
import { problemOf, type StoreProblem, type StoreResult } from '#src/record/store-result.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import { Outbox, type OutgoingRecord } from './outbox.ts';
import {
  type ArgsOf,
  type Opened,
  type ResultOf,
  refused,
  type StoreMethod,
  type StorePort,
  type StoreReads,
  type StoreWrites,
  type ValueOf,
} from './store-calls.ts';

/** Time between attempts to write again. */
export const storeRetryMs = 1_000;
/** A store that owes an answer and has given none for this long hangs. */
export const storeSilenceMsMax = 2_000;
/**
 * What a tick that comes late counts at the most: the answers may be there, and only we have not got to them.
 */
const silencePerTickMsMax = 2 * tickMs;

const notOpenYet: StoreProblem = { kind: 'unavailable', text: 'The store is not open yet.' };

/** Of calls that take as long as the record is long; the store answers others in between. */
const longCalls: ReadonlySet<StoreMethod> = new Set<StoreMethod>(['checkRecord', 'rolloutRecord']);

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
}

export class DurableStore {
  readonly #options: DurableStoreOptions;
  readonly #outbox = new Outbox();
  /** Gives up the answers that somebody waits for. */
  readonly #awaited = new Set<(problem: StoreProblem) => void>();
  readonly #firstOpen = Promise.withResolvers<void>();
  #opened: Opened | null = null;
  #problem: StoreProblem | null = notOpenYet;
  /** Calls that the store owes an answer to, and for how long it has been silent. */
  #owed = 0;
  #silentMs = 0;
  #isHanging = false;
  #isFlushing = false;
  #lastTickMs: number | null = null;
  #retryAtMs = 0;
  #analysesUnderWay = 0;

  /** Begins to open it; a port that answers at once has done so when this returns. */
  constructor(options: DurableStoreOptions) {
    this.#options = options;
    this.#open();
  }

  /**
   * Resolves when the first attempt to open it is over, at the latest after `msMax`: then it counts as
   * hanging.
   */
  async ready(msMax: number): Promise<void> {
    const late = setTimeout(() => {
      if (this.#problem === notOpenYet) this.#hang();
      this.#firstOpen.resolve();
    }, msMax);
    await this.#firstOpen.promise;
    clearTimeout(late);
  }

  get writable(): boolean {
    return this.#problem === null;
  }

  get problem(): StoreProblem | null {
    return this.#problem;
  }

  /**
   * Why nothing keeps another process from using the store as well; null when it is locked, or not open yet.
   */
  get unlockedBecause(): string | null {
    return this.#opened?.unlockedBecause ?? null;
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

  // ---- what it held when it was opened ----

  /** The rollout as it was on record when the store was opened, null when there was none. */
  loadRollout(): StoreResult<RolloutState | null> {
    return this.#taken(({ rollout }) => rollout);
  }

  loadAnalysis(): StoreResult<SavedSnapshot | null> {
    return this.#taken(({ analysis }) => analysis);
  }

  loadSetting(name: string): StoreResult<unknown> {
    return this.#taken(({ settings }) => settings[name] ?? null);
  }

  // ---- writing ----

  /**
   * Keeps what must be on record before it happens. `settle` is called once: when it is kept, or with why it
   * will not be counted on. `answered` is called once as well, before that, or whenever the store answers
   * after it was given up. Returns what gives it up.
   */
  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    settle: (result: StoreResult<undefined>) => void,
    answered: (isKept: boolean) => void,
  ): (problem: StoreProblem) => void {
    return this.#await('saveTransition', [transition, state, event], settle, answered);
  }

  /** For what has already happened and cannot be refused, such as a revert. */
  saveTransitionEventually(transition: Transition, state: RolloutState, event: RecordedEvent): void {
    this.#record({ kind: 'transition', transition, state, event });
  }

  appendEvent(event: RecordedEvent): void {
    this.#record({ kind: 'event', event });
  }

  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): void {
    this.#record({ kind: 'evidence', evidence, event });
  }

  saveRollout(state: RolloutState): void {
    this.#write('saveRollout', [state]);
  }

  /** Replaces the last one; not while more than one is under way, because the next will say more. */
  saveAnalysis(atMs: number, snapshot: unknown): void {
    if (this.#problem !== null || this.#analysesUnderWay > 1) return;
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

  // ---- reading ----

  /** Asks the store; of one that hangs, nothing. */
  read<M extends keyof StoreReads>(method: M, ...args: ArgsOf<M>): Promise<StoreResult<ValueOf<M>>> {
    return new Promise((resolve) => {
      if (this.#isHanging) resolve(refused(this.#refusal()));
      else this.#ask(method, args, resolve as (result: StoreResult<unknown>) => void);
    });
  }

  // ---- life ----

  /** Watches for silence and tries to get back to a usable store; call it every tick. */
  tick(nowMs: number): void {
    const sinceMs = Math.min(silencePerTickMsMax, nowMs - (this.#lastTickMs ?? nowMs));
    this.#lastTickMs = nowMs;
    if (this.#owed > 0) {
      this.#silentMs += sinceMs;
      if (!this.#isHanging && this.#silentMs >= storeSilenceMsMax) this.#hang();
      return;
    }
    if (this.#problem === null || nowMs < this.#retryAtMs) return;
    this.#retryAtMs = nowMs + storeRetryMs;
    this.#open();
  }

  /** Has everything written that was sent, and closes it; resolves at the latest after `msMax`. */
  async close(msMax: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, msMax);
      this.#call('close', [], () => {
        clearTimeout(late);
        resolve();
      });
    });
    this.#options.port.end();
  }

  #taken<T>(of: (opened: Opened) => T): StoreResult<T> {
    return this.#opened === null ? refused(this.#refusal()) : { ok: true, value: of(this.#opened) };
  }

  #refusal(): StoreProblem {
    return this.#problem ?? { kind: 'unavailable', text: 'The store is closed.' };
  }

  #open(): void {
    this.#call('open', [], (result) => {
      this.#firstOpen.resolve();
      if (!result.ok) {
        this.#problem = result.problem;
        return;
      }
      const { value } = result;
      this.#opened = value;
      const shift = this.#options.reconcileIds(value.lastEventId, this.#outbox.firstEventId);
      this.#outbox.renumber(shift);
      if (value.writeProblem === null) this.#flush();
      else this.#problem = value.writeProblem;
    });
  }

  /** Sends what waits; the store is usable again when all of it is acknowledged. */
  #flush(): void {
    this.#isFlushing = true;
    this.#sendRecords();
    this.#finishFlush();
  }

  #finishFlush(): void {
    if (!this.#isFlushing || this.#outbox.length > 0) return;
    this.#isFlushing = false;
    const isBack = this.#problem !== notOpenYet;
    this.#problem = null;
    if (isBack) this.#options.onChange(null);
  }

  #record(record: OutgoingRecord): void {
    this.#outbox.add(record);
    if (this.#problem === null || this.#isFlushing) this.#sendRecords();
  }

  #sendRecords(): void {
    for (const waiting of this.#outbox.send()) {
      const [method, args] = callOf(waiting.record);
      this.#call(method, args, (result) => {
        this.#outbox.answered(waiting, result.ok);
        this.#judge(result);
        this.#finishFlush();
      });
    }
  }

  /** A write that may be lost. */
  #write<M extends keyof StoreWrites>(method: M, args: ArgsOf<M>, done: () => void = () => {}): void {
    if (this.#problem !== null) return;
    this.#call(method, args, (result) => {
      done();
      this.#judge(result);
    });
  }

  #await<M extends keyof StoreWrites>(
    method: M,
    args: ArgsOf<M>,
    settle: (result: ResultOf<M>) => void,
    answered: (isKept: boolean) => void = () => {},
  ): (problem: StoreProblem) => void {
    if (this.#problem === null)
      return this.#ask(method, args, settle, (result) => {
        this.#judge(result);
        answered(result.ok);
      });
    answered(false);
    settle(refused(this.#problem) as ResultOf<M>);
    return () => {};
  }

  /**
   * Settles with the answer, or without one when it is given up: by the caller, or because the store hangs.
   */
  #ask<M extends StoreMethod>(
    method: M,
    args: ArgsOf<M>,
    settle: (result: ResultOf<M>) => void,
    answered: (result: ResultOf<M>) => void = () => {},
  ): (problem: StoreProblem) => void {
    const giveUp = (problem: StoreProblem): void => {
      if (this.#awaited.delete(giveUp)) settle(refused(problem) as ResultOf<M>);
    };
    this.#awaited.add(giveUp);
    this.#call(method, args, (result) => {
      answered(result);
      if (this.#awaited.delete(giveUp)) settle(result);
    });
    return giveUp;
  }

  #call<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: (result: ResultOf<M>) => void): void {
    const { port } = this.#options;
    if (longCalls.has(method)) {
      port.send(method, args, done);
      return;
    }
    if (this.#owed++ === 0) this.#silentMs = 0;
    port.send(method, args, (result) => {
      this.#owed--;
      this.#silentMs = 0;
      done(result);
      if (this.#isHanging && this.#owed === 0) this.#answersAgain();
    });
  }

  #judge(result: StoreResult<unknown>): void {
    if (!result.ok) this.#becomeUnusable(result.problem);
  }

  #becomeUnusable(problem: StoreProblem): void {
    this.#isFlushing = false;
    const wasUsable = this.#problem === null;
    this.#problem = problem;
    if (wasUsable) this.#options.onChange(problem);
  }

  #hang(): void {
    this.#isHanging = true;
    const cause = `no answer within ${storeSilenceMsMax / 1000} s`;
    const problem = problemOf('hanging', this.#options.file, cause);
    this.#becomeUnusable(problem);
    for (const giveUp of [...this.#awaited]) giveUp(problem);
  }

  /**
   * Everything was answered. What was kept is known, so it goes on where it was; unless an answer was a
   * failure.
   */
  #answersAgain(): void {
    this.#isHanging = false;
    if (this.#problem?.kind === 'hanging' && this.#opened !== null) this.#flush();
  }
}

type RecordMethod = 'saveTransition' | 'saveEvidence' | 'appendEvent';

function callOf(record: OutgoingRecord): [RecordMethod, ArgsOf<RecordMethod>] {
  switch (record.kind) {
    case 'transition':
      return ['saveTransition', [record.transition, record.state, record.event]];
    case 'evidence':
      return ['saveEvidence', [record.evidence, record.event]];
    case 'event':
      return ['appendEvent', [record.event]];
  }
}
