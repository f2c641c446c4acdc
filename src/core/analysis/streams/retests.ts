// The retests of all kinds of streams, as the analysis asks for them: which kinds to test again instead of a
// revert, what an advance waits for because of them, and what is reported. How a retest works, and why it is
// valid, is in retest.ts.

import type { RetestKind, Verdict } from '#src/core/analysis/verdict.ts';
import { formatDuration, revertText } from '#src/core/analysis/verdict-text.ts';
import { combineEvidence, type StreamReading } from './combined-evidence.ts';
import type { ComparedStream } from './compared-stream.ts';
import {
  type OnWorse,
  Retest,
  type RetestSnapshot,
  retestKindOf,
  retestKinds,
  retestWaitMs,
} from './retest.ts';

/** Kinds that are to be tested again, and the streams that still count for a verdict. */
interface RetestAdvice {
  readonly kinds: readonly RetestKind[];
  readonly rest: readonly StreamReading[];
  /** What happened, in words; null when nothing is to be tested again. */
  readonly text: string | null;
}

export class Retests {
  readonly #all: readonly Retest[];
  readonly #onWorse: Readonly<Record<RetestKind, OnWorse>>;

  /** Streams of each kind, and what is to happen when they show that Y is worse. */
  constructor(
    streams: Readonly<Record<RetestKind, readonly ComparedStream[]>>,
    onWorse: Readonly<Record<RetestKind, OnWorse>>,
  ) {
    this.#all = retestKinds.map((kind) => new Retest(kind, streams[kind]));
    this.#onWorse = onWorse;
  }

  /**
   * The kinds whose retest comes before a revert at `logBar`: those that the evidence rests on most, as long
   * as they may be tested again. None when what is left would revert all the same.
   */
  advice(readings: readonly StreamReading[], logBar: number): RetestAdvice {
    const kinds: RetestKind[] = [];
    let rest = readings;
    let text: string | null = null;
    for (;;) {
      const { logEvidence, cause } = combineEvidence(rest);
      if (logEvidence < logBar) return { kinds, rest, text };
      const kind = cause === null ? null : retestKindOf(cause.stream.name);
      if (cause === null || kind === null || !this.#mayBegin(kind, readings))
        return { kinds: [], rest: readings, text: null };
      kinds.push(kind);
      text ??= retestText(cause, logEvidence);
      rest = rest.filter(({ stream }) => retestKindOf(stream.name) !== kind);
    }
  }

  #mayBegin(kind: RetestKind, readings: readonly StreamReading[]): boolean {
    return (
      this.#onWorse[kind] === 'retest' && this.#all.some((one) => one.kind === kind && one.mayBegin(readings))
    );
  }

  begin(kinds: readonly RetestKind[], nowMs: number, weightPpm: number): void {
    for (const retest of this.#all) if (kinds.includes(retest.kind)) retest.begin(nowMs, weightPpm);
  }

  /** Ends retests that have shown what they had to; call it every tick. */
  settle(nowMs: number): void {
    for (const retest of this.#all) retest.settle(nowMs);
  }

  /**
   * What a retest holds with, in words. It holds until it has ended; in the soak only while it waits, because
   * after that the soak's time decides.
   */
  holdText(nowMs: number, isSoak: boolean): string | null {
    const holding = this.#all.find((retest) => retest.isUnderWay && (!isSoak || retest.waitsMs(nowMs) > 0));
    return holding?.text(nowMs) ?? null;
  }

  /** What a verdict tells of them. */
  numbers({ kinds }: RetestAdvice, nowMs: number): Pick<Verdict, 'toRetest' | 'retests'> {
    const retests = this.#all.flatMap((retest) => retest.report(nowMs) ?? []);
    return {
      ...(kinds.length === 0 ? {} : { toRetest: kinds }),
      ...(retests.length === 0 ? {} : { retests }),
    };
  }

  resetRollout(): void {
    for (const retest of this.#all) retest.resetRollout();
  }

  snapshot(): readonly RetestSnapshot[] {
    return this.#all.map((retest) => retest.snapshot());
  }

  restore(snapshot: readonly RetestSnapshot[]): void {
    for (const [i, retest] of this.#all.entries()) {
      const saved = snapshot[i];
      if (saved !== undefined) retest.restore(saved);
    }
  }
}

const retestText = ({ stream }: StreamReading, logEvidence: number): string =>
  `${revertText(stream.finding(), false, logEvidence)}; held, to be tested again in ${formatDuration(retestWaitMs)}`;
