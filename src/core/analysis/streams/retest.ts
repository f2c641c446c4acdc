// Streams of a kind that looked worse are tested once more before they send a rollout back, where that is
// wanted: an incident of a minute on Y's machines looks like a slower Y, and is over. Y keeps its weight
// meanwhile. The kind's streams stop, wait until such an incident would be over, and start afresh with half
// their weight. The retest ends with what comes first: worse once more, which reverts, or proof that Y is
// within its tolerance, by the same test turned round. Until then the rollout holds.
//
// Why the accepted chance of a false revert still covers the whole rollout. What is compared with 1/alpha is
// M = sum of w E over all streams, a nonnegative supermartingale that begins at 1 or less. A retest begins at
// the moment when M reaches the bar, which is no outcome of what follows. Let S be what the kind contributes
// then, and W the sum of its weights. The kind gives up S and gets W/2 times fresh e-processes, which begin
// at 1, look at later requests alone, and are given weights that are fixed at that moment. A retest begins
// only when S >= W/2. So M falls, and from there on is a supermartingale again; it stays one after any number
// of retests, and Ville's inequality holds for all of it: the chance that a good Y ever takes it to 1/alpha,
// for a retest or for a revert, is at most alpha. So retests cost nothing, and spare most of what would have
// been false reverts: each has, once it has begun, a chance of at most alpha times what M is then. Retests
// have W/2, W/4 and W/8: together less than W, whatever became of the first test.
import { logAdd } from '#src/core/analysis/e-process/log-add.ts';
import type { RetestKind, RetestReport } from '#src/core/analysis/verdict.ts';
import { formatDuration, formatShare, needsText } from '#src/core/analysis/verdict-text.ts';
import type { StreamReading } from './combined-evidence.ts';
import type { ComparedStream } from './compared-stream.ts';
import type { Need } from './stream-family.ts';

export const retestKinds: readonly RetestKind[] = ['latency', 'status'];
/** What happens when streams of a kind show that Y is worse. */
export type OnWorse = 'revert' | 'retest';

/**
 * What passes by itself, a restart or a failover, does so within a minute. The test begins that long after
 * the incident was noticed.
 */
export const retestWaitMs = 60_000;
/** How often Y may look worse and come back. More often is no accident. */
export const retestsMax = 3;

/** Kind of streams that may be tested again; null for all others, caps among them. */
export function retestKindOf(stream: string): RetestKind | null {
  if (stream.endsWith('.max')) return null;
  return retestKinds.find((kind) => stream.startsWith(`${kind}.`)) ?? null;
}

export interface RetestSnapshot {
  readonly count: number;
  readonly isUnderWay: boolean;
  readonly startsMs: number;
  readonly weightPpm: number;
  readonly cause: string;
}

/** One kind of streams and its retests. */
export class Retest {
  readonly kind: RetestKind;
  readonly #streams: readonly ComparedStream[];
  #count = 0;
  #isUnderWay = false;
  /** When the present one takes its first counts. */
  #startsMs = 0;
  /** Where the rollout was, and what looked worse there most. */
  #weightPpm = 0;
  #cause = '';

  constructor(kind: RetestKind, streams: readonly ComparedStream[]) {
    this.kind = kind;
    this.#streams = streams;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Whether the streams of this kind, as they are now, may start afresh. */
  mayBegin(readings: readonly StreamReading[]): boolean {
    if (this.#isUnderWay || this.#count >= retestsMax) return false;
    const half = this.#streams.reduce((sum, { weight }) => sum + weight / 2, 0);
    return contributionOf(this.kind, readings) >= Math.log(half);
  }

  begin(nowMs: number, weightPpm: number): void {
    this.#cause = this.#strongest();
    this.#count++;
    this.#isUnderWay = true;
    this.#startsMs = nowMs + retestWaitMs;
    this.#weightPpm = weightPpm;
    for (const stream of this.#streams) stream.retest(nowMs, this.#startsMs);
  }

  #strongest(): string {
    let [best] = this.#streams;
    for (const stream of this.#streams)
      if (stream.rawLogEvidence() > (best?.rawLogEvidence() ?? 0)) best = stream;
    return best?.name.replace('.', ' ') ?? this.kind;
  }

  /** Ends a retest that has shown Y to be within its tolerance. */
  settle(nowMs: number): void {
    if (!this.#isUnderWay || nowMs < this.#startsMs) return;
    this.#isUnderWay = this.#streams.some((stream) => stream.retestNeed() !== null);
  }

  resetRollout(): void {
    this.#count = 0;
    this.#isUnderWay = false;
  }

  waitsMs(nowMs: number): number {
    return this.#isUnderWay ? Math.max(0, this.#startsMs - nowMs) : 0;
  }

  /** What the retest still takes; null when none is under way, or when it waits. */
  need(nowMs: number): Need | null {
    if (!this.#isUnderWay || nowMs < this.#startsMs) return null;
    let largest: Need | null = null;
    for (const stream of this.#streams) {
      const need = stream.retestNeed();
      if (need?.requests === null) return need;
      if (need !== null && need.requests > (largest?.requests ?? -1)) largest = need;
    }
    return largest;
  }

  /**
   * `status 404 looked worse at 10 %: held and testing again, needs about 300 more requests on Y to show that
   * …`.
   */
  text(nowMs: number): string {
    const looked = `${this.#cause} looked worse at ${formatShare(this.#weightPpm / 1e6)}`;
    const waits = this.waitsMs(nowMs);
    if (waits > 0)
      return `${looked}: held, to be tested again in ${formatDuration(waits)}, when a passing incident would be over`;
    const need = this.need(nowMs);
    if (need === null) return `${looked}: tested again, Y is within its tolerance`;
    const { requests, subject, doubt } = need;
    if (requests === null) return `${looked}: held and testing again; ${doubt}`;
    return `${looked}: held and testing again, ${needsText(requests, subject)}`;
  }

  /** Null when there was no retest in this rollout. */
  report(nowMs: number): RetestReport | null {
    if (this.#count === 0) return null;
    const waits = this.waitsMs(nowMs);
    return {
      kind: this.kind,
      cause: this.#cause,
      count: this.#count,
      state: waits > 0 ? 'waiting' : this.#isUnderWay ? 'testing' : 'passed',
      weightPpm: this.#weightPpm,
      startsInSeconds: waits / 1000,
      samplesNeeded: this.need(nowMs)?.requests ?? null,
      text: this.text(nowMs),
    };
  }

  snapshot(): RetestSnapshot {
    return {
      count: this.#count,
      isUnderWay: this.#isUnderWay,
      startsMs: this.#startsMs,
      weightPpm: this.#weightPpm,
      cause: this.#cause,
    };
  }

  restore({ count, isUnderWay, startsMs, weightPpm, cause }: RetestSnapshot): void {
    this.#count = count;
    this.#isUnderWay = isUnderWay;
    this.#startsMs = startsMs;
    this.#weightPpm = weightPpm;
    this.#cause = cause;
  }
}

/** What the streams of a kind add to the combination, in logs. */
function contributionOf(kind: RetestKind, readings: readonly StreamReading[]): number {
  let sum = Number.NEGATIVE_INFINITY;
  for (const { stream, evidence } of readings)
    if (retestKindOf(stream.name) === kind) sum = logAdd(sum, Math.log(evidence.weight) + evidence.logWorse);
  return sum;
}
