// Whether the store can be used: it is opened, looked after, opened again after a failure, and counts as
// hanging when it is silent. It is usable again only when it has taken what waited for it meanwhile.
import { tickMs } from '#src/limits.ts';
import { problemOf, type StoreProblem, type StoreResult } from '#src/record/store-result.ts';
import type { AcknowledgedChanges } from './acknowledged-changes.ts';
import type { Opened } from './store-calls.ts';
import type { StoreChannel } from './store-channel.ts';
import type { ExpectedRecord } from './store-file.ts';

/** Time between attempts to write again. */
export const storeRetryMs = 1_000;
/**
 * Time between looks at whether the store's files are still its own: found within five seconds, with the
 * answer and a retry.
 */
export const storeCheckMs = 2_000;
/** A store that owes an answer and has given none for this long hangs. */
export const storeSilenceMsMax = 2_000;
/**
 * What a tick that comes late counts at the most: the answers may be there, and only we have not got to them.
 */
const silencePerTickMsMax = 2 * tickMs;

const notOpenYet: StoreProblem = { kind: 'unavailable', text: 'The store is not open yet.' };

interface AvailabilityOptions {
  /** For words about it. */
  readonly file: string;
  readonly channel: StoreChannel;
  readonly changes: AcknowledgedChanges;
  /** Told of what was in the store whenever it was opened, before what waits is sent. */
  readonly onOpened: (opened: Opened) => void;
  /** Sends what waits. */
  readonly send: () => void;
  /** Whether nothing waits. */
  readonly isSent: () => boolean;
  /** Told once per change between usable and not; not of how the first attempt to open it went. */
  readonly onChange: (problem: StoreProblem | null) => void;
}

export class StoreAvailability {
  readonly #options: AvailabilityOptions;
  readonly #firstOpen = Promise.withResolvers<void>();
  #problem: StoreProblem | null = notOpenYet;
  #wasOpened = false;
  #isReadingMark = false;
  #isHanging = false;
  #isFlushing = false;
  #lastTickMs: number | null = null;
  /** When the files are looked at, or the store is tried again. */
  #dueAtMs = 0;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
  }

  /** Why the store cannot be used; null when it can. */
  get problem(): StoreProblem | null {
    return this.#problem;
  }

  get isHanging(): boolean {
    return this.#isHanging;
  }

  /** Whether what is recorded now is sent at once. */
  get isSending(): boolean {
    return this.#problem === null || this.#isFlushing;
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

  /** Begins to open it; the mark is read first, where there is one: it tells what the store should hold. */
  open(): void {
    const { changes } = this.#options;
    if (!changes.isReadingDue) this.#openStore();
    else if (!this.#isReadingMark) {
      this.#isReadingMark = true;
      void changes.read().then(() => {
        this.#isReadingMark = false;
        this.#openStore();
      });
    }
  }

  /** Watches for silence and tries to get back to a usable store; call it every tick. */
  tick(nowMs: number): void {
    const { channel } = this.#options;
    const sinceMs = Math.min(silencePerTickMsMax, nowMs - (this.#lastTickMs ?? nowMs));
    this.#lastTickMs = nowMs;
    const silentMs = channel.pass(sinceMs);
    if (channel.isOwed) {
      if (!this.#isHanging && silentMs >= storeSilenceMsMax) this.#hang();
      return;
    }
    if (nowMs < this.#dueAtMs) return;
    const isUsable = this.#problem === null;
    this.#dueAtMs = nowMs + (isUsable ? storeCheckMs : storeRetryMs);
    if (isUsable) this.#checkFiles(nowMs);
    else this.open();
  }

  /** Takes note of how a write went. */
  learn(result: StoreResult<unknown>): void {
    if (!result.ok) this.#becomeUnusable(result.problem);
  }

  /** Something that waited was answered: when it was the last, the store is usable again. */
  finishFlush(): void {
    if (!this.#isFlushing || !this.#options.isSent()) return;
    this.#isFlushing = false;
    const isBack = this.#problem !== notOpenYet;
    this.#problem = null;
    if (isBack) this.#options.onChange(null);
  }

  /**
   * Everything was answered. What was kept is known, so it goes on where it was; unless an answer was a
   * failure.
   */
  answersAgain(): void {
    if (!this.#isHanging) return;
    this.#isHanging = false;
    if (this.#problem?.kind === 'hanging' && this.#wasOpened) this.#flush();
  }

  #openStore(): void {
    const { channel, changes, file } = this.#options;
    channel.call('open', [this.#expected()], (result) => {
      this.#firstOpen.resolve();
      const hidden = changes.hiddenBecause;
      // Who has the store, or what is wrong with it, matters more than the mark; that a file is missing is
      // only its guess.
      if (hidden !== null && (result.ok || result.problem.kind === 'lost'))
        this.#problem = problemOf('mark', file, hidden);
      else if (result.ok) this.#takeUp(result.value);
      else this.#problem = result.problem;
    });
  }

  #takeUp(opened: Opened): void {
    this.#wasOpened = true;
    this.#options.onOpened(opened);
    if (opened.writeProblem === null) this.#flush();
    else this.#problem = opened.writeProblem;
  }

  /** What was written before is in the file that is opened again, or it is another. */
  #expected(): ExpectedRecord | null {
    const { channel, changes } = this.#options;
    if (channel.recordEnd === null) return changes.expected();
    return { end: channel.recordEnd, isOurs: true, source: 'this process' };
  }

  /** Sends what waits; the store is usable again when all of it is acknowledged. */
  #flush(): void {
    this.#isFlushing = true;
    this.#options.send();
    this.finishFlush();
  }

  /** What is found is told for a while before the store is tried again. */
  #checkFiles(nowMs: number): void {
    this.#options.channel.call('checkFiles', [], (result) => {
      if (result.ok) return;
      this.learn(result);
      this.#dueAtMs = nowMs + storeRetryMs;
    });
  }

  #becomeUnusable(problem: StoreProblem): void {
    this.#isFlushing = false;
    const wasUsable = this.#problem === null;
    this.#problem = problem;
    this.#dueAtMs = 0;
    if (wasUsable) this.#options.onChange(problem);
  }

  #hang(): void {
    this.#isHanging = true;
    const cause = `no answer within ${storeSilenceMsMax / 1000} s`;
    const problem = problemOf('hanging', this.#options.file, cause);
    this.#becomeUnusable(problem);
    this.#options.channel.giveUpAll(problem);
  }
}
