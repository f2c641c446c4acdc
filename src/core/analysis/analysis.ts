// The judge of a rollout: takes each tick's counts, keeps the tests of every stream, and says advance, hold or revert with
// its numbers. How the tests work is in docs/decisions.md; what follows from a verdict is decided in core/rollout.

import { errorFailures, errorRequests } from '#src/core/telemetry/outcome.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { type Rates, RollingWindow } from '#src/core/telemetry/window.ts';
import { PPM } from '#src/limits.ts';
import { type CapSnapshot, CapStream } from './cap-stream.ts';
import { familyWeights, logAdd } from './combine.ts';
import { type BlipProfile, blipProfiles, ComparedStream, type StreamSnapshot } from './compared-stream.ts';
import { type RateSnapshot, RateTracker } from './rate-tracker.ts';
import { errorOdds } from './stream-test.ts';
import type { ArmCounts, HoldRule, StreamEvidence, Verdict } from './verdict.ts';
import { comparisonText, formatChance, formatCount, formatDuration, formatShare } from './verdict-text.ts';
import { XHealth } from './x-health.ts';

/** What counts as worse. The same shape as the config's thresholds, of which it is a part. */
export interface AnalysisThresholds {
  readonly errorRate: { readonly timesX: number; readonly overX: number; readonly max: number | null };
  readonly falseReverts: number;
  readonly harm: number;
  readonly warmupMs: number;
  readonly blipToleranceMs: 1000 | 5000;
}

export interface AssessContext {
  /**
   * What a good verdict would allow: the next step, which takes evidence that Y is not worse; or the end of the soak, which
   * takes only that nothing speaks against Y, since 1 % on X is too little to prove more within a soak.
   */
  readonly goal: 'step' | 'soak';
}

/** Chance per step of advancing a Y that is worse than the margin (beta). */
const wrongAdvances = 0.05;
export const logSafeBar = Math.log(1 / wrongAdvances);
/** A step is watched for this long, however much traffic there is: bursts and slow starts need time to show. */
const dwellMsMin = 10_000;
/** Largest share of Y before the warm-up is over. */
const warmupWeightPpmMax = 10_000;
/** No step accepts a larger margin than this, however small its weight. */
const marginMax = 0.3;
/** Failures at X's rate that a forecast adds to Y's, so that the first few on Y do not make it swing. */
const forecastPriorFailures = 10;

export interface AnalysisSnapshot {
  readonly version: 1;
  /** The thresholds that the evidence was gathered for, as JSON. */
  readonly thresholds: string;
  readonly nowMs: number;
  readonly stepStartedMs: number;
  readonly firstYMs: number | null;
  readonly nextWeightPpm: number;
  readonly errorRate: RateSnapshot;
  readonly xHealth: ReturnType<XHealth['snapshot']>;
  readonly errors: StreamSnapshot;
  readonly cap: CapSnapshot | null;
}

/** The total of a verdict: combined evidence, and the stream that contributes most. */
interface Combined {
  readonly logEvidence: number;
  readonly cause: StreamEvidence | null;
}

export class Analysis {
  readonly #thresholds: AnalysisThresholds;
  readonly #fingerprint: string;
  readonly #logBar: number;
  readonly #errors: ComparedStream;
  readonly #cap: CapStream | null;
  readonly #errorRate = new RateTracker();
  readonly #xHealth = new XHealth();
  readonly #window = new RollingWindow();
  /** Time of the analysis: that of the samples, shifted after a restore so that it goes on where the snapshot ended. */
  #nowMs = 0;
  /** Analysis time minus sample time; null from a restore to the first sample after it. */
  #shiftMs: number | null = 0;
  #stepStartedMs = 0;
  /** First request on Y since the rollout began. */
  #firstYMs: number | null = null;
  #nextWeightPpm = PPM;

  constructor(thresholds: AnalysisThresholds) {
    const profile: BlipProfile = blipProfiles[thresholds.blipToleranceMs];
    const { timesX, overX, max } = thresholds.errorRate;
    this.#thresholds = thresholds;
    this.#fingerprint = JSON.stringify([thresholds.errorRate, thresholds.harm, thresholds.blipToleranceMs]);
    this.#logBar = Math.log(1 / thresholds.falseReverts);
    this.#errors = new ComparedStream(
      { name: 'errors', weight: familyWeights.errors, timesX, over: overX, odds: errorOdds },
      profile,
    );
    this.#cap =
      max === null
        ? null
        : new CapStream({ name: 'errors.max', weight: familyWeights.caps, cap: max }, profile);
  }

  /** Takes one tick's counts. Allocates nothing. */
  update(sample: TickSample): void {
    this.#shiftMs ??= this.#nowMs + sample.dtMs - sample.atMs;
    const nowMs = sample.atMs + this.#shiftMs;
    this.#nowMs = nowMs;
    this.#window.advance(nowMs);
    this.#errors.beginTick(nowMs, sample.dtMs);
    this.#cap?.beginTick(nowMs, sample.dtMs);
    const a = this.#errorRate.plugIn();
    let requestsX = 0;
    let failuresX = 0;
    for (let i = 0; i < sample.epochs.length; i++) {
      const epoch = sample.epochs[i];
      if (epoch === undefined) continue;
      const nX = errorRequests(epoch.x);
      const kX = errorFailures(epoch.x);
      const nY = errorRequests(epoch.y);
      const kY = errorFailures(epoch.y);
      requestsX += nX;
      failuresX += kX;
      if (nY > 0) this.#firstYMs ??= nowMs;
      this.#window.add(nX, kX, nY, kY);
      this.#errors.add(epoch.epoch, nX, kX, nY, kY, a);
      this.#cap?.add(epoch.epoch, epoch.weightPpm, nX, kX, nY, kY, a);
    }
    this.#errorRate.add(sample.dtMs, requestsX, failuresX);
    this.#xHealth.add(sample.dtMs, requestsX, failuresX);
  }

  /** A rollout begins: forgets all evidence. What is known of X alone stays. */
  resetRollout(atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#firstYMs = null;
    this.#errors.resetRollout(nowMs);
    this.#cap?.reset(nowMs);
    this.#stepStartedMs = nowMs;
  }

  /** A step begins, after which Y's share would grow to `nextWeightPpm`. Evidence that Y is worse is kept. */
  resetStep(nextWeightPpm: number, atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#nextWeightPpm = nextWeightPpm;
    this.#stepStartedMs = nowMs;
    this.#errors.resetStep(this.#marginOf(nextWeightPpm), nowMs);
  }

  #time(atMs: number): number {
    return this.#shiftMs === null ? this.#nowMs : atMs + this.#shiftMs;
  }

  /** How much worse Y may be, as a share of its requests, without costing all traffic more than the accepted harm. */
  #marginOf(weightPpm: number): number {
    return Math.min((this.#thresholds.harm * PPM) / Math.max(1, weightPpm), marginMax);
  }

  /** The verdict on what was taken so far. */
  assess(context: AssessContext): Verdict {
    const streams = [this.#errors.evidence(logSafeBar)];
    if (this.#cap !== null) streams.push(this.#cap.evidence(this.#errors));
    const { logEvidence, cause } = combine(streams);
    const last10s = this.#window.rates(10);
    const needed = context.goal === 'step' ? this.#requestsNeeded() : 0;
    const numbers = {
      logEvidence,
      logEvidenceBar: this.#logBar,
      logSafeBar,
      cause: cause?.stream ?? null,
      streams,
      samplesNeeded: needed === 0 ? null : needed,
      secondsNeeded: secondsNeeded(needed, last10s),
      xHealthy: this.#xHealth.healthy(),
      last10s,
      last60s: this.#window.rates(60),
    };
    if (logEvidence >= this.#logBar && cause !== null) return this.#revert(numbers, cause);
    const rule = this.#lacking(context, numbers);
    if (rule !== null) return { ...numbers, decision: 'hold', rule, text: this.#holdText(rule, numbers) };
    return { ...numbers, decision: 'advance', rule: 'not-worse', text: this.#advanceText(context) };
  }

  #revert(numbers: Omit<Verdict, 'decision' | 'rule' | 'text'>, cause: StreamEvidence): Verdict {
    const chance = formatChance(numbers.logEvidence);
    if (this.#cap !== null && cause.stream === this.#cap.name) {
      const { x, y } = this.#cap.evidenceCounts(this.#errors);
      const compared = comparisonText('errors', x, y);
      const text = `${compared}, over the cap of ${formatShare(this.#cap.cap)}; the chance of this if Y were within it is below ${chance}`;
      return { ...numbers, decision: 'revert', rule: 'cap', text };
    }
    const { x, y } = this.#errors.evidenceCounts();
    const compared = comparisonText(cause.stream, x, y);
    const text = `${compared}; the chance of this if Y were no worse is below ${chance}`;
    return { ...numbers, decision: 'revert', rule: 'evidence', text };
  }

  /** What an advance lacks, most serious first; null when nothing. */
  #lacking(context: AssessContext, numbers: { logEvidence: number; xHealthy: boolean }): HoldRule | null {
    const { x, y } = this.#errors.stepCounts();
    if (y.requests === 0) return 'no-data';
    if (!numbers.xHealthy) return 'x-unhealthy';
    if (numbers.logEvidence >= this.#logBar / 2) return 'suspicion';
    if (context.goal === 'soak') return null;
    if (x.requests === 0) return 'no-data';
    if (this.#warmupLeftMs() > 0 && this.#nextWeightPpm > warmupWeightPpmMax) return 'warmup';
    if (this.#errors.safe.logEvidence() < logSafeBar) return 'needs-samples';
    return this.#dwellLeftMs() > 0 ? 'bake' : null;
  }

  #warmupLeftMs(): number {
    if (this.#firstYMs === null) return this.#thresholds.warmupMs;
    return Math.max(0, this.#firstYMs + this.#thresholds.warmupMs - this.#nowMs);
  }

  #dwellLeftMs(): number {
    return Math.max(0, this.#stepStartedMs + dwellMsMin - this.#nowMs);
  }

  /** Y requests still needed for an advance at the rates of this step; 0 when there are enough, null when unknown. */
  #requestsNeeded(): number | null {
    const { x, y } = this.#errors.stepCounts();
    if (x.requests === 0 || y.requests === 0) return null;
    const pX = this.#errorRate.plugIn();
    const pY = (y.failures + forecastPriorFailures) / (y.requests + forecastPriorFailures / pX);
    return this.#errors.safe.requestsNeeded(logSafeBar, pX, pY, x.requests / y.requests);
  }

  #holdText(
    rule: HoldRule,
    numbers: Pick<Verdict, 'logEvidence' | 'samplesNeeded' | 'secondsNeeded'>,
  ): string {
    const { x, y } = this.#errors.stepCounts();
    switch (rule) {
      case 'no-data':
        return noDataText(x, y);
      case 'x-unhealthy':
        return `X itself has ${formatShare(this.#xHealth.rate())} errors now, usual are ${formatShare(this.#xHealth.usualRate())}; nothing advances until it has recovered`;
      case 'suspicion':
        return `${comparisonText('errors', x, y)} raise suspicion: the chance of this if Y were no worse is below ${formatChance(numbers.logEvidence)}, a revert needs ${formatChance(this.#logBar)}`;
      case 'warmup':
        return `Y is warming up for another ${formatDuration(this.#warmupLeftMs())}; until then it gets no more than ${formatShare(warmupWeightPpmMax / PPM)}`;
      case 'bake':
        return `the step is watched for another ${formatDuration(this.#dwellLeftMs())}`;
      case 'needs-samples':
        return this.#needsText(x, y, numbers);
    }
  }

  #needsText(x: ArmCounts, y: ArmCounts, numbers: Pick<Verdict, 'samplesNeeded' | 'secondsNeeded'>): string {
    const compared = comparisonText('errors', x, y);
    const margin = formatShare(this.#errors.safe.margin);
    if (numbers.samplesNeeded === null)
      return `${compared}: at these rates Y will not be shown to be within ${margin} of X`;
    const requests = `needs about ${formatCount(numbers.samplesNeeded)} more requests on Y`;
    if (numbers.secondsNeeded === null) return `${requests}, none arrive at present`;
    return `${requests}, ${formatDuration(numbers.secondsNeeded * 1000)} at the present rate`;
  }

  #advanceText(context: AssessContext): string {
    const { x, y } = this.#errors.stepCounts();
    const compared = comparisonText('errors', x, y);
    if (context.goal === 'soak') return `${compared}; nothing speaks against Y`;
    const margin = formatShare(this.#errors.safe.margin);
    return `${compared}; Y is not worse by more than ${margin} of its requests`;
  }

  /** Everything that a restart must not lose, as plain JSON. */
  snapshot(): AnalysisSnapshot {
    return {
      version: 1,
      thresholds: this.#fingerprint,
      nowMs: this.#nowMs,
      stepStartedMs: this.#stepStartedMs,
      firstYMs: this.#firstYMs,
      nextWeightPpm: this.#nextWeightPpm,
      errorRate: this.#errorRate.snapshot(),
      xHealth: this.#xHealth.snapshot(),
      errors: this.#errors.snapshot(),
      cap: this.#cap?.snapshot() ?? null,
    };
  }

  /**
   * Goes on where the snapshot ended, whatever the clock says now. False, with nothing changed, when the evidence was
   * gathered for other thresholds or by another version: then the tests begin anew.
   */
  restore(snapshot: AnalysisSnapshot): boolean {
    if (snapshot.version !== 1 || snapshot.thresholds !== this.#fingerprint) return false;
    this.#nowMs = snapshot.nowMs;
    this.#shiftMs = null;
    this.#stepStartedMs = snapshot.stepStartedMs;
    this.#firstYMs = snapshot.firstYMs;
    this.#nextWeightPpm = snapshot.nextWeightPpm;
    this.#errorRate.restore(snapshot.errorRate);
    this.#xHealth.restore(snapshot.xHealth);
    this.#errors.restore(snapshot.errors);
    if (snapshot.cap !== null) this.#cap?.restore(snapshot.cap);
    return true;
  }
}

/** The weighted average of the streams' e-values, in logs. */
function combine(streams: readonly StreamEvidence[]): Combined {
  let logEvidence = Number.NEGATIVE_INFINITY;
  let cause: StreamEvidence | null = null;
  for (const stream of streams) {
    logEvidence = logAdd(logEvidence, Math.log(stream.weight) + stream.logWorse);
    if (stream.logWorse > 0 && (cause === null || contribution(stream) > contribution(cause))) cause = stream;
  }
  return { logEvidence, cause };
}

const contribution = (stream: StreamEvidence): number => Math.log(stream.weight) + stream.logWorse;

function secondsNeeded(requests: number | null, rates: Rates): number | null {
  if (requests === null || requests === 0 || rates.y.requestsPerSecond <= 0) return null;
  return requests / rates.y.requestsPerSecond;
}

function noDataText(x: ArmCounts, y: ArmCounts): string {
  if (y.requests > 0) return `no traffic on X to compare with: Y had ${formatCount(y.requests)} requests`;
  return `no traffic on Y in this step yet, ${formatCount(x.requests)} requests on X`;
}
