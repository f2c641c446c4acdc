// Windows that are too old to be kept one by one, summed up in groups. Evidence that has been rising for
// longer than the windows are kept is divided by how its failures clustered then, too. Otherwise a burst
// would be forgotten after three minutes while its evidence was not, and the evidence then counted in full:
// in simulation that reverted rollouts in the middle of a calm.
import { appendNumbers } from '#src/base/plain-numbers.ts';
import { addSums, addWindow, windowSumCount } from './window-sums.ts';

/**
 * Windows of a group, and groups that are told apart: an hour of 1-second windows. What is older is one group
 * more.
 */
const groupWindows = 60;
const groupsKept = 60;
const olderAt = groupsKept * windowSumCount;

export interface PastWindowsSnapshot {
  readonly last: number;
  /** Of the groups that are told apart, oldest first, and of all that are older. */
  readonly groups: readonly number[];
  readonly older: readonly number[];
}

export class PastWindows {
  readonly #sums = new Float64Array(olderAt + windowSumCount);
  /** Number of the newest group; -1 before the first window. */
  #last = -1;

  clear(): void {
    if (this.#last < 0) return;
    this.#sums.fill(0);
    this.#last = -1;
  }

  /** Takes window number `window`, whose nX, kX, nY, kY begin at `at`. Windows come in their order. */
  add(window: number, counts: Float64Array, at: number): void {
    const group = Math.floor(window / groupWindows);
    if (this.#last < 0) this.#last = group;
    const from = Math.max(this.#last + 1, group - groupsKept + 1);
    for (let opened = from; opened <= group; opened++) this.#retire(offset(opened));
    this.#last = Math.max(this.#last, group);
    addWindow(counts, at, this.#sums, offset(group));
  }

  #retire(at: number): void {
    addSums(this.#sums, olderAt, this.#sums, at);
    this.#sums.fill(0, at, at + windowSumCount);
  }

  /** Adds what there is from the group of `window` on to `sums`. */
  addSince(window: number, sums: Float64Array): void {
    if (this.#last < 0) return;
    const wanted = Math.floor(window / groupWindows);
    const oldest = this.#oldest();
    for (let group = Math.max(wanted, oldest); group <= this.#last; group++)
      addSums(sums, 0, this.#sums, offset(group));
    if (wanted < oldest) addSums(sums, 0, this.#sums, olderAt);
  }

  /** Null before the first window. */
  snapshot(): PastWindowsSnapshot | null {
    if (this.#last < 0) return null;
    const groups: number[] = [];
    for (let group = this.#oldest(); group <= this.#last; group++)
      appendNumbers(groups, this.#sums, offset(group), offset(group) + windowSumCount);
    return { last: this.#last, groups, older: appendNumbers([], this.#sums, olderAt, this.#sums.length) };
  }

  restore(snapshot: PastWindowsSnapshot | null): void {
    this.clear();
    if (snapshot === null) return;
    this.#last = snapshot.last;
    this.#sums.set(snapshot.older, olderAt);
    const oldest = this.#oldest();
    for (let group = oldest; group <= this.#last; group++) {
      const at = (group - oldest) * windowSumCount;
      this.#sums.set(snapshot.groups.slice(at, at + windowSumCount), offset(group));
    }
  }

  #oldest(): number {
    return Math.max(0, this.#last - groupsKept + 1);
  }
}

const offset = (group: number): number => (group % groupsKept) * windowSumCount;
