// What has happened to the rollout, whether the store has it or not: every change that is made before it is
// on record goes to the mark beside the store as well, and at a start the newest of store, mark and the
// process before counts.
import type { RolloutChange, Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RecordEnd } from '#src/record/record-end.ts';
import type { Mark } from '#src/record/revert-mark.ts';
import type { HandOver } from '#src/shared-memory/messages.ts';
import { MarkFile, type MarkReading } from './mark-file.ts';
import { type FoundChange, type NewestRollout, newestRollout, type StoredRollout } from './newest-rollout.ts';
import { Revisions } from './revisions.ts';
import type { ExpectedRecord } from './store-file.ts';

export interface AcknowledgedOptions {
  /** The store that a mark is kept beside; null where none is kept. */
  readonly markedStore: string | null;
  /** What the control thread before left; null when nothing is known of one. */
  readonly handedOver: HandOver | null;
  /**
   * Whether the workers have a split already: then a mark that cannot be read hides nothing that moves
   * traffic.
   */
  readonly isSplitKnown: boolean;
  readonly epochMs: () => number;
}

export class AcknowledgedChanges {
  readonly #options: AcknowledgedOptions;
  readonly #revisions: Revisions;
  /** Null where none is kept. */
  readonly #mark: MarkFile | null;
  #reading: MarkReading | null = null;
  /** The newest change that was not recorded before it was made; null when one that was has followed. */
  #last: { readonly revision: number; readonly change: RolloutChange } | null = null;
  /** What the store has, at least. */
  #storedRevision = 0;
  #found: FoundChange | null = null;
  #mayMark: boolean;
  /**
   * Whether the store was opened: before that nobody knows what it has, and nothing may say that it has
   * everything.
   */
  #isTakenUp = false;

  constructor(options: AcknowledgedOptions) {
    const { markedStore, isSplitKnown, epochMs } = options;
    this.#options = options;
    this.#revisions = new Revisions(epochMs);
    this.#mark =
      markedStore === null ? null : new MarkFile(markedStore, (revision) => this.#revisions.kept(revision));
    this.#mayMark = isSplitKnown;
    this.#revisions.seen(options.handedOver?.revision ?? 0);
  }

  // ---- at a start ----

  /** Whether the mark has to be read before the store counts. */
  get isReadingDue(): boolean {
    return this.#mark !== null && (this.#reading === null || this.#reading.kind === 'unreadable');
  }

  async read(): Promise<void> {
    if (this.#mark === null) return;
    this.#reading = await this.#mark.read();
    this.#revisions.seen(this.#markRead?.revision ?? 0);
  }

  /** Why the store alone must not be gone by; null when it may. */
  get hiddenBecause(): string | null {
    if (this.#options.isSplitKnown || this.#reading?.kind !== 'unreadable') return null;
    return this.#reading.cause;
  }

  /**
   * What is known of the record that the store should hold, besides what was read of it in this thread; null
   * when nothing is.
   */
  expected(): ExpectedRecord | null {
    const { handedOver } = this.#options;
    if (handedOver?.recordEnd)
      return { end: handedOver.recordEnd, isOurs: true, source: 'the process before' };
    if (this.#reading === null || this.#reading.kind === 'none') return null;
    return { end: this.#markRead?.end ?? null, isOurs: false, source: 'the mark beside it' };
  }

  get #markRead(): Mark | null {
    return this.#reading?.kind === 'read' ? this.#reading.mark : null;
  }

  /**
   * The newest state of the rollout. From here on the store is ours, and a mark is made for it where there is
   * none.
   */
  takeUp(stored: StoredRollout, end: RecordEnd | null): NewestRollout {
    const mark = this.#markRead;
    const newest = newestRollout(stored, mark, this.#options.handedOver);
    this.#revisions.seen(newest.revision);
    this.#storedRevision = Math.max(this.#storedRevision, stored.revision);
    this.#found = newest.found;
    const isMarkCurrent = mark !== null && mark.change !== null && mark.revision >= stored.revision;
    if (this.#last === null && isMarkCurrent && mark.change !== null)
      this.#last = { revision: mark.revision, change: mark.change };
    this.#mayMark = true;
    this.#isTakenUp = true;
    if (this.#reading?.kind === 'none') this.#mark?.write(this.#revisions.last, null, end);
    return newest;
  }

  /**
   * What the store did not have when it was taken up, for the record; null when it had everything. Given
   * once.
   */
  takeFound(): FoundChange | null {
    const found = this.#found;
    this.#found = null;
    return found;
  }

  // ---- changes ----

  /** The revision of a change that is recorded before it is made, or of the state as it stands. */
  next(): number {
    return this.#revisions.next();
  }

  /** It is on record, and is being made: what happened before it does not matter any more. */
  raised(revision: number): void {
    // A revert that took its place while it was being recorded still matters.
    if (this.#last !== null && this.#last.revision < revision) this.#last = null;
    this.#revisions.happened(revision);
    this.stored(revision);
  }

  /** A change that has happened, whatever becomes of its record; returns its revision. */
  happened({ name, atMs, actor, reason }: Transition, state: RolloutState, end: RecordEnd | null): number {
    const revision = this.#revisions.next();
    this.#last = { revision, change: { name, atMs, actor, reason, state } };
    this.#revisions.happened(revision);
    this.#writeMark(end);
    return revision;
  }

  /** The store has everything up to this revision. */
  stored(revision: number): void {
    this.#storedRevision = Math.max(this.#storedRevision, revision);
    this.#revisions.kept(revision);
  }

  /** What has happened and is on no disk is written to the mark again. */
  retry(end: RecordEnd | null): void {
    if (!this.#revisions.isKept && this.#mark?.isWriting === false) this.#writeMark(end);
  }

  #writeMark(end: RecordEnd | null): void {
    if (this.#mayMark && this.#last !== null) this.#mark?.write(this.#last.revision, this.#last.change, end);
  }

  /** Whether the newest state is known, so that what happens follows it. */
  get isTakenUp(): boolean {
    return this.#mayMark;
  }

  /** Whether all that has happened would survive a restart. */
  get isKept(): boolean {
    return this.#revisions.isKept;
  }

  /** Resolves with that, as soon as it is so, at the latest after `msMax`. */
  whenKept(msMax: number): Promise<boolean> {
    return this.#revisions.whenKept(msMax);
  }

  // ---- the end ----

  /** Why the mark could not be written last; null when it could, or there is none. */
  get markProblem(): string | null {
    return this.#mark?.problem ?? null;
  }

  get keepsMark(): boolean {
    return this.#mark !== null;
  }

  /** Resolves when the mark is not being written, at the latest after `msMax`. */
  async settled(msMax: number): Promise<void> {
    await this.#mark?.settled(msMax);
  }

  /**
   * Leaves a mark that says where the record ends; resolves when it is written, at the latest after `msMax`.
   */
  async close(end: RecordEnd | null, msMax: number): Promise<void> {
    const { revision, change } = this.#last ?? { revision: this.#revisions.last, change: null };
    if (this.#isTakenUp || this.#last !== null) this.#mark?.write(revision, change, end);
    await this.settled(msMax);
  }

  /** For the control thread that comes after this one. */
  handOver(end: RecordEnd | null): HandOver {
    const last = this.#last ?? (this.#isTakenUp ? null : this.#heardOf());
    const isStored = last === null || last.revision <= this.#storedRevision;
    if (last === null || isStored) return { revision: this.#revisions.last, change: null, recordEnd: end };
    return { revision: last.revision, change: last.change, recordEnd: end };
  }

  /** The newest change that others told of, while the store was never open. */
  #heardOf(): { readonly revision: number; readonly change: RolloutChange } | null {
    const nothing: StoredRollout = { rollout: null, revision: 0 };
    const { revision, found } = newestRollout(nothing, this.#markRead, this.#options.handedOver);
    return found === null ? null : { revision, change: found.change };
  }
}
