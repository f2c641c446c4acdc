// One metric of Y against the same metric of X: everything the analysis keeps about one stream of counts. Streams differ
// only in what they count and in their boundaries; errors, status classes and latency quantiles all have this shape.

import { WindowRing, yWindowsMin } from './deflation.ts';
import { EpochBlocks } from './epoch-blocks.ts';
import type { EvidenceLimit } from './evidence-bank.ts';
import { CertifiedBound, SafeTest } from './safe-test.ts';
import { StreamTest } from './stream-test.ts';
import type { ArmCounts, StreamEvidence } from './verdict.ts';

/** How long a burst may be that is not taken for a regression. */
export interface BlipProfile {
  readonly windowMs: number;
  readonly limit: EvidenceLimit;
}

export const blipProfiles: Readonly<Record<1000 | 5000, BlipProfile>> = {
  1000: { windowMs: 1_000, limit: { perSecond: 8, burst: 6 } },
  5000: { windowMs: 5_000, limit: { perSecond: 2, burst: 4 } },
};

export interface StreamSpec {
  readonly name: string;
  /** Share of the false-revert budget. */
  readonly weight: number;
  /** R and d: worse is p_Y > timesX * p_X + over. */
  readonly timesX: number;
  readonly over: number;
  readonly odds: readonly number[];
}

const armCounts = (requests: number, failures: number): ArmCounts => ({
  requests,
  failures,
  rate: requests > 0 ? failures / requests : 0,
});

/** What evidence counts for: nothing in favour of a revert before Y was seen in enough windows. */
export const countedEvidence = (logEvidence: number, yWindows: number): number =>
  yWindows < yWindowsMin ? Math.min(0, logEvidence) : logEvidence;

/** By how much evidence was divided, for the report. */
export const deflationBetween = (raw: number, deflated: number): number =>
  raw > 0 && deflated > 0 ? Math.max(1, raw / deflated) : 1;

export class ComparedStream {
  readonly spec: StreamSpec;
  readonly ring: WindowRing;
  readonly safe: SafeTest;
  readonly #blocks = new EpochBlocks();
  readonly #worse: StreamTest;
  readonly #bound: CertifiedBound;
  #nowMs = 0;
  #dtMs = 0;
  // Since the step began.
  #nX = 0;
  #kX = 0;
  #nY = 0;
  #kY = 0;

  constructor(spec: StreamSpec, profile: BlipProfile) {
    this.spec = spec;
    this.ring = new WindowRing(profile.windowMs);
    this.safe = new SafeTest(spec.timesX, 1);
    this.#worse = new StreamTest({ ...spec, limit: profile.limit });
    this.#bound = new CertifiedBound(spec.timesX);
  }

  /** Forgets everything: a new rollout. */
  resetRollout(nowMs: number): void {
    this.#blocks.clear();
    this.#worse.reset(nowMs);
    this.ring.reset(nowMs);
    this.resetStep(this.safe.margin, nowMs);
  }

  /** A new step: fresh tests of not being worse, now with `margin`; evidence that Y is worse is kept. */
  resetStep(margin: number, nowMs: number): void {
    this.safe.reset(margin, nowMs);
    this.#bound.reset(nowMs);
    this.#nX = 0;
    this.#kX = 0;
    this.#nY = 0;
    this.#kY = 0;
  }

  /** A tick begins: the counts that follow are of the `dtMs` before `nowMs`. */
  beginTick(nowMs: number, dtMs: number): void {
    this.#nowMs = nowMs;
    this.#dtMs = dtMs;
    this.#worse.refill(dtMs);
  }

  /** Adds the tick's counts of an epoch; `a` is X's rate as known before this tick. */
  add(epoch: number, nX: number, kX: number, nY: number, kY: number, a: number): void {
    this.#nX += nX;
    this.#kX += kX;
    this.#nY += nY;
    this.#kY += kY;
    this.ring.add(this.#nowMs - this.#dtMs / 2, nX, kX, nY, kY);
    if (!this.#blocks.add(epoch, nX, kX, nY, kY, a)) return;
    this.#worse.add(this.#blocks, this.#nowMs);
    this.safe.add(this.#blocks, this.#nowMs);
    this.#bound.add(this.#blocks, this.#nowMs);
  }

  /** Windows with traffic on Y that are over. */
  yWindows(): number {
    return this.ring.yWindows(this.#nowMs);
  }

  stepCounts(): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return { x: armCounts(this.#nX, this.#kX), y: armCounts(this.#nY, this.#kY) };
  }

  /** Counts of the seconds that the present evidence rests on. */
  evidenceCounts(): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return countsSince(this.ring, this.#worse.risingSinceMs(this.ring));
  }

  /** All numbers of the stream at this moment; `safeBar` is the bar of the tests of not being worse. */
  evidence(safeBar: number): StreamEvidence {
    const raw = this.#worse.logEvidence();
    const deflated = this.#worse.deflatedLogEvidence(this.ring);
    return {
      stream: this.spec.name,
      logWorse: countedEvidence(deflated, this.yWindows()),
      deflation: deflationBetween(raw, deflated),
      logSafe: this.safe.logEvidence(),
      margin: this.safe.margin,
      weight: this.spec.weight,
      ...this.stepCounts(),
      certifiedBound: this.#bound.bound(safeBar),
    };
  }

  snapshot() {
    return {
      name: this.spec.name,
      nowMs: this.#nowMs,
      counts: [this.#nX, this.#kX, this.#nY, this.#kY] as const,
      blocks: this.#blocks.snapshot(),
      ring: this.ring.snapshot(),
      worse: this.#worse.snapshot(),
      safe: this.safe.snapshot(),
      bound: this.#bound.snapshot(),
    };
  }

  restore(snapshot: StreamSnapshot): void {
    this.#nowMs = snapshot.nowMs;
    [this.#nX, this.#kX, this.#nY, this.#kY] = snapshot.counts;
    this.#blocks.restore(snapshot.blocks);
    this.ring.restore(snapshot.ring);
    this.#worse.restore(snapshot.worse);
    this.safe.restore(snapshot.safe);
    this.#bound.restore(snapshot.bound);
  }
}

export type StreamSnapshot = ReturnType<ComparedStream['snapshot']>;

/** Counts of the windows that evidence since `startedMs` is judged by. */
export function countsSince(
  ring: WindowRing,
  startedMs: number,
): { readonly x: ArmCounts; readonly y: ArmCounts } {
  return {
    x: armCounts(ring.sum(0, startedMs), ring.sum(1, startedMs)),
    y: armCounts(ring.sum(2, startedMs), ring.sum(3, startedMs)),
  };
}
