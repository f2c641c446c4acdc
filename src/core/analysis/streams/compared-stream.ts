// One metric of Y against the same metric of X: everything the analysis keeps about one stream of counts.
// Streams differ only in what they count and in their boundaries; errors, status classes and latency
// quantiles all have this shape.
import {
  deflationBetween,
  strongerOf,
  WindowRing,
  yWindowsMin,
} from '#src/core/analysis/clustering/deflation.ts';
import { EpochBlocks } from '#src/core/analysis/e-process/epoch-blocks.ts';
import type {
  Clusters,
  CompactBankSnapshot,
  EvidenceLimit,
} from '#src/core/analysis/e-process/evidence-bank.ts';
import { passageRange } from '#src/core/analysis/e-process/first-passage.ts';
import { Forecast } from '#src/core/analysis/e-process/forecast.ts';
import { RetestProof } from '#src/core/analysis/e-process/retest-proof.ts';
import {
  CertifiedBound,
  logSafeBar,
  type SafeBets,
  SafeTest,
} from '#src/core/analysis/e-process/safe-test.ts';
import { StreamTest } from '#src/core/analysis/e-process/stream-test.ts';
import type { ArmCounts, StreamEvidence } from '#src/core/analysis/verdict.ts';
import { comparisonText, formatShare } from '#src/core/analysis/verdict-text.ts';
import { ExpectedRates } from './expected-rates.ts';
import type { EvidenceStream, Need } from './stream-family.ts';
import { Totals } from './totals.ts';

/** How long a burst may last without being taken for a regression. */
export interface BlipProfile {
  readonly windowMs: number;
  readonly limit: EvidenceLimit;
}

/**
 * A burst of the tolerated length gives at most `burst` and the evidence of its seconds: 9 and 6.5 nats.
 * Deflation leaves a part of that, and a revert takes 8 to 9. More evidence than that comes only from
 * failures that go on after it. In the three windows before which nothing is reverted a total failure gives
 * 19 and 13.5.
 */
export const blipProfiles: Readonly<Record<1000 | 5000, BlipProfile>> = {
  1000: { windowMs: 1_000, limit: { perSecond: 5, burst: 4 } },
  5000: { windowMs: 5_000, limit: { perSecond: 0.7, burst: 3 } },
};

interface StreamSpec {
  readonly name: string;
  /** What is counted, in the plural and without numbers; absent where `what` has no numbers anyway. */
  readonly subject?: string;
  /** Share of the false-revert budget. */
  readonly weight: number;
  /** R and d: worse is p_Y > timesX * p_X + over. */
  readonly timesX: number;
  readonly over: number;
  readonly odds: readonly number[];
  /** Weight of each of these alternatives; equal when absent. */
  readonly prior?: readonly number[];
  /** Whether the smallest certified margin is reported. */
  readonly certify: boolean;
  /** Additional alternatives of the proof for an advance. */
  readonly safeBets?: SafeBets;
}

/** The evidence that counts: nothing against Y before Y was seen in enough windows. */
export const countedEvidence = (logEvidence: number, yWindows: number): number =>
  yWindows < yWindowsMin ? Math.min(0, logEvidence) : logEvidence;

export class ComparedStream implements EvidenceStream {
  readonly spec: StreamSpec;
  /** What is counted, in words that fit before "4 % on Y against 1 % on X". */
  readonly #what: () => string;
  readonly ring: WindowRing;
  readonly #clusters: Clusters;
  readonly #worseBlocks = new EpochBlocks();
  readonly #worse: StreamTest;
  readonly #safeBlocks = new EpochBlocks();
  readonly #safe: SafeTest;
  readonly #bound: CertifiedBound | null;
  /** Proof that Y is within its tolerance, while a retest asks for it. */
  readonly #proof: RetestProof;
  #isProving = false;
  /**
   * How often it has started afresh in this rollout, each time with half its weight; and from when on it
   * counts.
   */
  #retests = 0;
  #startsMs = Number.NEGATIVE_INFINITY;
  /** Whether an advance takes evidence of this stream that Y is not worse. */
  #required = false;
  #nowMs = 0;
  #dtMs = 0;
  readonly #expected = new ExpectedRates();
  /** X's rate as it was last known; 0 while nothing has been compared. */
  #a = 0;
  // Since the step began.
  readonly #totals = new Totals();
  readonly #safeTotals = new Totals();
  readonly #forecast = new Forecast();
  // Since the retest began.
  readonly #proofTotals = new Totals();
  readonly #proofForecast = new Forecast();

  /** alsoBy: how else failures may cluster than in time; null when nothing is known. */
  constructor(spec: StreamSpec, profile: BlipProfile, what: () => string, alsoBy: Clusters | null = null) {
    this.spec = spec;
    this.#what = what;
    this.ring = new WindowRing(profile.windowMs);
    this.#clusters = strongerOf(this.ring, alsoBy);
    this.#safe = new SafeTest(spec.timesX, 1, spec.safeBets);
    this.#worse = new StreamTest({ ...spec, limit: profile.limit });
    this.#bound = spec.certify ? new CertifiedBound(spec.timesX) : null;
    this.#proof = new RetestProof(spec.timesX, spec.over);
  }

  get name(): string {
    return this.spec.name;
  }

  /** Its share of the false-revert budget now. */
  get weight(): number {
    return this.spec.weight / 2 ** this.#retests;
  }

  /** Forgets everything: a new rollout. */
  resetRollout(nowMs: number): void {
    this.#retests = 0;
    this.#isProving = false;
    this.#startsMs = Number.NEGATIVE_INFINITY;
    this.#safeBlocks.clear();
    this.#startAfresh(nowMs);
    this.#a = 0;
    this.#safeTotals.clear();
    this.#expected.reset();
    this.resetStep(this.#required ? this.#safe.margin : null, nowMs);
  }

  #startAfresh(nowMs: number): void {
    this.#worseBlocks.clear();
    this.#worse.reset(nowMs);
    this.ring.reset(nowMs);
  }

  /**
   * Gives up its evidence for a fresh test with half the weight, on what comes after `startsMs`. If the
   * stream has spoken against Y, it has to show as well that Y is within its tolerance.
   */
  retest(nowMs: number, startsMs: number): void {
    this.#isProving = this.#worse.logEvidence() > 0;
    this.#retests++;
    this.#startsMs = startsMs;
    this.#startAfresh(nowMs);
    this.#proof.reset(nowMs);
    this.#proofTotals.clear();
    this.#proofForecast.reset();
  }

  /**
   * A new step: fresh tests of not being worse than `margin`, or none where it is null. Evidence against Y is
   * kept.
   */
  resetStep(margin: number | null, nowMs: number): void {
    this.#required = margin !== null;
    this.#safe.reset(margin ?? 1, nowMs);
    this.#bound?.reset(nowMs);
    this.#expected.learn(this.#safeTotals);
    // Open blocks have counts from before, which the new tests must not see.
    this.#safeBlocks.clear();
    this.#totals.clear();
    this.#safeTotals.clear();
    this.#forecast.reset();
  }

  /**
   * Gives up the evidence against Y, which is valid at any time, and the windows that it was counted in.
   * Blocks that are open stay: to leave them out after a look at them would not be valid.
   */
  forgetGains(nowMs: number): void {
    this.#worse.forgetGains(nowMs);
    this.ring.reset(nowMs);
  }

  /** A tick begins: the counts that follow are of the `dtMs` before `nowMs`. */
  beginTick(nowMs: number, dtMs: number): void {
    this.#nowMs = nowMs;
    this.#dtMs = dtMs;
    this.#worse.refill(dtMs);
  }

  /**
   * Adds the tick's counts of an epoch to the question whether Y is worse; `a` is X's rate as known before
   * this tick.
   */
  add(epoch: number, nX: number, kX: number, nY: number, kY: number, a: number): void {
    if (this.#waits()) return;
    this.#totals.add(nX, kX, nY, kY);
    this.ring.add(this.#nowMs - this.#dtMs / 2, nX, kX, nY, kY);
    this.#a = a;
    if (this.#isProving) this.#proofTotals.add(nX, kX, nY, kY);
    if (!this.#worseBlocks.add(epoch, nX, kX, nY, kY, a)) return;
    this.#worse.add(this.#worseBlocks, this.#nowMs);
    if (this.#isProving) this.#proof.add(this.#worseBlocks, this.#nowMs);
  }

  /** Adds the tick's counts of an epoch to the question whether Y is certainly not worse. */
  addSafe(epoch: number, nX: number, kX: number, nY: number, kY: number, a: number): void {
    if (!this.#required || this.#waits()) return;
    this.#safeTotals.add(nX, kX, nY, kY);
    if (!this.#safeBlocks.add(epoch, nX, kX, nY, kY, a)) return;
    this.#safe.add(this.#safeBlocks, this.#nowMs);
    this.#bound?.add(this.#safeBlocks, this.#nowMs);
  }

  /**
   * For forecasts: the rate of a Y that is like X, as a part of X's, where an advance counts fewer requests
   * on Y than on X.
   */
  expectLikeX(likeX: number): void {
    this.#expected.likeX = likeX;
  }

  /** Whether the counts of this tick are from before the retest. */
  #waits(): boolean {
    return this.#nowMs - this.#dtMs < this.#startsMs;
  }

  stepCounts(): { readonly x: ArmCounts; readonly y: ArmCounts } {
    return { x: this.#totals.x, y: this.#totals.y };
  }

  evidence(): StreamEvidence {
    const raw = this.#worse.logEvidence();
    const deflated = this.#worse.deflatedLogEvidence(this.#clusters);
    return {
      stream: this.spec.name,
      logWorse: countedEvidence(deflated, this.ring.yWindows(this.#nowMs)),
      deflation: deflationBetween(raw, deflated),
      logSafe: this.#hasSay() ? this.#safe.logEvidence() : null,
      margin: this.#required ? this.#safe.margin : null,
      weight: this.weight,
      ...this.stepCounts(),
      certifiedBound: this.#bound?.bound(logSafeBar) ?? null,
    };
  }

  /** Evidence against Y, also before it may count for a revert because Y was seen in too few windows. */
  suspectedLogEvidence(): number {
    return this.#worse.deflatedLogEvidence(this.#clusters);
  }

  /** Evidence against Y before deflation: cheap, and never less than what counts where that is positive. */
  rawLogEvidence(): number {
    return this.#worse.logEvidence();
  }

  /** Since when the evidence against Y has been rising. */
  risingSinceMs(): number {
    return this.#worse.risingSinceMs(this.#clusters);
  }

  finding(): string {
    const { x, y } = this.ring.countsSince(this.risingSinceMs());
    return comparisonText(this.#what(), x, y);
  }

  /**
   * No proof is asked for where X has no past to compare with, or where no rate of Y could exceed the margin.
   */
  #hasSay(): boolean {
    return this.#required && this.#a > 0 && this.spec.timesX * this.#a + this.#safe.margin < 1;
  }

  need(): Need | null {
    if (!this.#hasSay()) return null;
    return this.#needOf(this.#safe, this.#safeTotals, this.#forecast, this.#safe.margin);
  }

  /**
   * What a retest still takes to show that Y is within its tolerance; null when nothing, or when none is
   * under way.
   */
  retestNeed(): Need | null {
    if (!this.#isProving || this.#proof.isMoot(this.#a)) return null;
    return this.#needOf(this.#proof, this.#proofTotals, this.#proofForecast, this.spec.over);
  }

  #needOf(test: SafeTest | RetestProof, { x, y }: Totals, forecast: Forecast, margin: number): Need | null {
    if (test.logEvidence() >= logSafeBar) return null;
    const stream = this.spec.name;
    const subject = this.spec.subject ?? this.#what();
    if (x.requests === 0 || y.requests === 0) {
      const doubt = `${this.#what()}: nothing on both sides to compare yet`;
      return { stream, subject, requests: null, doubt };
    }
    const rates = this.#expected.given({ x, y }, this.#a, margin);
    const needed = test.requestsNeeded(logSafeBar, rates.x, rates.y, x.requests / y.requests);
    const requests = forecast.take(y.requests, needed);
    return {
      stream,
      subject,
      requests,
      ...(requests === null ? {} : { range: rangeOf(requests, logSafeBar - test.logEvidence()) }),
      doubt: `${comparisonText(this.#what(), x, y)}: at these rates Y will not be shown to be within ${formatShare(margin)} of X`,
    };
  }

  /**
   * Requests on Y that a step of its own would take at the present rates to show that Y is not worse than
   * `margin`, with `xPerY` requests on X for each; 0 where nothing would be asked for, null for never.
   * `likeX` is as in {@link expectLikeX}.
   */
  requestsAfresh(margin: number, xPerY: number, likeX = 1): number | null {
    const { timesX, safeBets } = this.spec;
    if (this.#a === 0 || timesX * this.#a + margin >= 1) return 0;
    const rates = this.#expected.later(this.#safeTotals, this.#a, margin, likeX);
    return new SafeTest(timesX, margin, safeBets).requestsNeeded(logSafeBar, rates.x, rates.y, xPerY);
  }

  /** The least that keeps the test valid; for streams that are far from any decision. */
  compactSnapshot(): CompactBankSnapshot {
    return this.#worse.compactSnapshot();
  }

  restoreCompact(snapshot: CompactBankSnapshot, nowMs: number): void {
    this.resetRollout(nowMs);
    this.#worse.restoreCompact(snapshot, nowMs);
  }

  snapshot() {
    return {
      name: this.spec.name,
      nowMs: this.#nowMs,
      a: this.#a,
      required: this.#required,
      totals: this.#totals.snapshot(),
      safeTotals: this.#safeTotals.snapshot(),
      worseBlocks: this.#worseBlocks.snapshot(),
      safeBlocks: this.#safeBlocks.snapshot(),
      ring: this.ring.snapshot(),
      worse: this.#worse.snapshot(),
      safe: this.#safe.snapshot(),
      bound: this.#bound?.snapshot() ?? null,
      retests: this.#retests,
      // JSON has no infinity.
      startsMs: this.#retests === 0 ? null : this.#startsMs,
      proof: this.#isProving ? { test: this.#proof.snapshot(), totals: this.#proofTotals.snapshot() } : null,
    };
  }

  restore(snapshot: StreamSnapshot): void {
    this.#nowMs = snapshot.nowMs;
    this.#a = snapshot.a;
    this.#required = snapshot.required;
    this.#totals.restore(snapshot.totals);
    this.#safeTotals.restore(snapshot.safeTotals);
    this.#worseBlocks.restore(snapshot.worseBlocks);
    this.#safeBlocks.restore(snapshot.safeBlocks);
    this.ring.restore(snapshot.ring);
    this.#worse.restore(snapshot.worse);
    this.#safe.restore(snapshot.safe);
    if (snapshot.bound !== null) this.#bound?.restore(snapshot.bound);
    const { retests = 0, startsMs = null, proof = null } = snapshot;
    this.#retests = retests;
    this.#startsMs = startsMs ?? Number.NEGATIVE_INFINITY;
    this.#isProving = proof !== null;
    if (proof === null) return;
    this.#proof.restore(proof.test);
    this.#proofTotals.restore(proof.totals);
  }
}

function rangeOf(requests: number, nats: number): NonNullable<Need['range']> {
  const { from, to } = passageRange(nats);
  return { from: requests * from, to: requests * to };
}

type FullSnapshot = ReturnType<ComparedStream['snapshot']>;
/** Fields about retests are absent in what earlier versions kept. */
type RetestFields = 'retests' | 'startsMs' | 'proof';
export type StreamSnapshot = Omit<FullSnapshot, RetestFields> & Partial<Pick<FullSnapshot, RetestFields>>;
