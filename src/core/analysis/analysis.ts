// The analysis of a rollout: takes each tick's counts, keeps the tests of every stream, and says advance, hold or revert with
// its numbers. How the tests work is in docs/decisions.md; what follows from a verdict is decided in core/rollout.

import { errorFailures, errorRequests } from '#src/core/telemetry/outcome.ts';
import type { EpochSample, TickSample } from '#src/core/telemetry/sample.ts';
import { type Rates, RollingWindow } from '#src/core/telemetry/window.ts';
import { PPM, stepWatchedMsMin } from '#src/limits.ts';
import { type AnalysisThresholds, fingerprintOf } from './analysis-thresholds.ts';
import { logSafeBar } from './e-process/safe-test.ts';
import { AttributedFailures, type AttributedSnapshot } from './streams/attributed-failures.ts';
import { combineEvidence, type StreamReading, unexplained } from './streams/combined-evidence.ts';
import { blipProfiles } from './streams/compared-stream.ts';
import { type ErrorSnapshot, ErrorStreams } from './streams/error-streams.ts';
import { FailureMakers } from './streams/failure-makers.ts';
import { type LatencySnapshot, LatencyStreams } from './streams/latency-streams.ts';
import { adviceText, type ParkAdvice, parkAdvice, suspectsText } from './streams/park-advice.ts';
import type { RetestSnapshot } from './streams/retest.ts';
import { Retests } from './streams/retests.ts';
import { RouteStreams, type RoutesSnapshot } from './streams/route-streams.ts';
import { type StatusSnapshot, StatusStreams } from './streams/status-streams.ts';
import type { EvidenceStream, Need, StreamFamily } from './streams/stream-family.ts';
import { type RouteNames, TrackedRoutes, unnamedRoutes } from './streams/tracked-routes.ts';
import { XHealth } from './streams/x-health.ts';
import type { HoldRule, RetestKind, Verdict, VerdictNumbers } from './verdict.ts';
import {
  arrivalText,
  comparisonText,
  formatChance,
  formatCount,
  formatDuration,
  formatShare,
  needsText,
  revertText,
} from './verdict-text.ts';

export type { AnalysisThresholds };

export interface AssessContext {
  /**
   * What a good verdict would allow: the next step, which takes evidence that Y is not worse; or the end of the soak, which
   * takes only that nothing speaks against Y, since 1 % on X is too little to prove more within a soak.
   */
  readonly goal: 'step' | 'soak';
  /** Whether a route that is broken on Y alone sends the rollout back, as is usual, or is parked on X. */
  readonly onBadRoute?: 'revert' | 'park';
}

/** Largest share of Y before the warm-up is over. */
const warmupWeightPpmMax = 10_000;
/** How long a revert waits for the evidence on a route that would explain what speaks against Y. */
const parkPatienceMs = 20_000;

export interface AnalysisSnapshot {
  readonly version: 4;
  /** The thresholds that the evidence was gathered for, as JSON. */
  readonly thresholds: string;
  readonly nowMs: number;
  readonly stepStartedMs: number;
  readonly firstYMs: number | null;
  readonly nextWeightPpm: number;
  readonly xHealth: ReturnType<XHealth['snapshot']>;
  readonly errors: ErrorSnapshot;
  readonly status: StatusSnapshot;
  readonly latency: LatencySnapshot;
  readonly routes: RoutesSnapshot;
  readonly attributed: AttributedSnapshot;
  readonly makers: readonly number[];
  readonly retests: readonly RetestSnapshot[];
}

/** What an advance lacks. */
interface Lack {
  readonly rule: HoldRule;
  readonly text: string;
}

export class Analysis {
  readonly #thresholds: AnalysisThresholds;
  readonly #fingerprint: string;
  readonly #logBar: number;
  readonly #errors: ErrorStreams;
  readonly #status: StatusStreams;
  readonly #latency: LatencyStreams;
  readonly #routes: RouteStreams;
  readonly #trackedRoutes: TrackedRoutes;
  readonly #failures: AttributedFailures;
  readonly #makers = new FailureMakers();
  readonly #families: readonly StreamFamily<unknown>[];
  readonly #retests: Retests;
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
  /** Y's share in the newest epoch that had traffic. */
  #weightPpm = 0;
  /** Since when a revert has been waiting for the evidence on a route; null while none is. */
  #waitsForRouteSinceMs: number | null = null;

  constructor(thresholds: AnalysisThresholds, routeNames: RouteNames = unnamedRoutes) {
    const { errorRate, statusMix, latency, harm, blipToleranceMs, attribution } = thresholds;
    const profile = blipProfiles[blipToleranceMs];
    this.#thresholds = thresholds;
    this.#fingerprint = fingerprintOf(thresholds);
    this.#logBar = Math.log(1 / thresholds.falseReverts);
    this.#failures = new AttributedFailures(attribution);
    this.#trackedRoutes = new TrackedRoutes(routeNames);
    const scope = { failures: this.#failures, routes: this.#trackedRoutes };
    this.#errors = new ErrorStreams(errorRate, harm, profile, scope);
    this.#status = new StatusStreams(statusMix, harm, profile);
    this.#latency = new LatencyStreams(latency, profile, attribution, harm);
    this.#routes = new RouteStreams(
      this.#trackedRoutes,
      this.#failures,
      errorRate,
      profile,
      this.#errors.users,
    );
    this.#families = [this.#errors, this.#status, this.#latency, this.#routes];
    this.#retests = new Retests(
      { latency: this.#latency.compared, status: this.#status.streams },
      { latency: latency.onWorse ?? 'revert', status: statusMix.onWorse ?? 'revert' },
    );
  }

  /** Takes one tick's counts. Allocates nothing. */
  update(sample: TickSample): void {
    this.#shiftMs ??= this.#nowMs + sample.dtMs - sample.atMs;
    this.#nowMs = sample.atMs + this.#shiftMs;
    this.#window.advance(this.#nowMs);
    this.#makers.advance(this.#nowMs);
    this.#failures.beginTick();
    this.#refreshRoutes(this.#nowMs);
    for (const family of this.#families)
      family.beginTick(this.#nowMs, sample.dtMs, this.#warmupLeftMs() === 0);
    let requestsX = 0;
    let failuresX = 0;
    for (const epoch of sample.epochs) {
      requestsX += errorRequests(epoch.x);
      failuresX += errorFailures(epoch.x);
      this.#take(epoch);
    }
    for (const family of this.#families) family.endTick();
    this.#retests.settle(this.#nowMs);
    this.#xHealth.add(sample.dtMs, requestsX, failuresX);
  }

  #take(epoch: EpochSample): void {
    const { x, y } = epoch;
    this.#weightPpm = epoch.weightPpm;
    if (errorRequests(y) > 0) this.#firstYMs ??= this.#nowMs;
    this.#window.add(errorRequests(x), errorFailures(x), errorRequests(y), errorFailures(y));
    this.#makers.add(epoch);
    this.#failures.add(epoch);
    for (const family of this.#families) family.add(epoch);
  }

  /** Age in ms at which a waiting request counts as slow at latency quantile `index`; Infinity while unknown. */
  slowThresholdMs(arm: 'x' | 'y', index: number): number {
    return this.#latency.slowThresholdMs(arm, index);
  }

  /** A rollout begins: forgets all evidence. What is known of X alone stays. */
  resetRollout(atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#firstYMs = null;
    this.#failures.resetRollout();
    for (const family of this.#families) family.resetRollout(nowMs);
    this.#retests.resetRollout();
    this.#stepStartedMs = nowMs;
  }

  /**
   * A route was parked: what its failures have added to the evidence on all requests is given up, and what an advance takes
   * is shown anew of the requests that are left. A test that begins anew owes nothing to the one before.
   */
  routeParked(atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#refreshRoutes(nowMs);
    for (const family of this.#families) {
      family.forgetGains(nowMs);
      family.resetStep(this.#nextWeightPpm, nowMs);
    }
    this.#waitsForRouteSinceMs = null;
  }

  #refreshRoutes(nowMs: number): void {
    if (this.#trackedRoutes.refresh()) this.#routes.routesChanged(nowMs);
  }

  /** Streams of these kinds start afresh, with half their weight, instead of the revert that they would have brought. */
  retest(kinds: readonly RetestKind[], atMs: number): void {
    this.#retests.begin(kinds, this.#time(atMs), this.#weightPpm);
  }

  /**
   * A step begins, or begins anew, after which Y's share would grow to `nextWeightPpm`. Evidence that Y is worse is kept, but
   * for that on routes that have just been unparked: a snapshot taken from here on must not have it either.
   */
  resetStep(nextWeightPpm: number, atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#refreshRoutes(nowMs);
    this.#nextWeightPpm = nextWeightPpm;
    this.#stepStartedMs = nowMs;
    this.#makers.resetStep();
    for (const family of this.#families) family.resetStep(nextWeightPpm, nowMs);
  }

  #time(atMs: number): number {
    return this.#shiftMs === null ? this.#nowMs : atMs + this.#shiftMs;
  }

  /** The verdict on what was taken so far. */
  assess(context: AssessContext): Verdict {
    const readings = this.#families.flatMap(({ streams }) =>
      streams.map((stream): StreamReading => ({ stream, evidence: stream.evidence() })),
    );
    const again = this.#retests.advice(readings, this.#logBar);
    const all = combineEvidence(again.rest);
    const advice = this.#parkAdvice(context, again.rest, all.logEvidence);
    const { logEvidence, cause } = advice === null ? all : combineEvidence(unexplained(again.rest, advice));
    const last10s = this.#window.rates(10);
    const need = context.goal === 'step' ? this.#need() : null;
    const samplesNeeded = need?.requests ?? null;
    const seconds = secondsNeeded(samplesNeeded, last10s);
    const numbers = {
      logEvidence,
      logEvidenceBar: this.#logBar,
      logSafeBar,
      cause: cause?.stream.name ?? null,
      streams: readings.map(({ evidence }) => evidence),
      samplesNeeded,
      secondsNeeded: seconds,
      ...(need === null ? {} : { needs: { stream: need.stream, requests: samplesNeeded, seconds } }),
      xHealthy: this.#xHealth.healthy(),
      last10s,
      last60s: this.#window.rates(60),
      failureMakers: { attribution: this.#failures.attribution, ...this.#makers.report() },
      ...(advice === null || advice.bad.length === 0 ? {} : { badRoutes: advice.bad }),
      ...this.#retests.numbers(again, this.#nowMs),
    };
    if (logEvidence >= this.#logBar && cause !== null) return this.#revert(numbers, cause);
    if (advice !== null) return { ...numbers, decision: 'hold', rule: 'suspicion', text: adviceText(advice) };
    if (again.text !== null) return { ...numbers, decision: 'hold', rule: 'retest', text: again.text };
    const lack = this.#lack(context, numbers, cause, need);
    if (lack !== null) return { ...numbers, decision: 'hold', ...lack };
    return { ...numbers, decision: 'advance', rule: 'not-worse', text: this.#advanceText(context) };
  }

  /** A revert for the errors of all requests names the routes that they are on, when they are on a few. */
  #revert(numbers: Omit<VerdictNumbers, 'text'>, cause: StreamReading): Verdict {
    const { logEvidence } = numbers;
    const capped = cause.evidence.stream.endsWith('.max');
    const advice =
      cause.stream === this.#errors.errors
        ? parkAdvice(this.#routes.streams, this.#errors.errors, 0, this.#logBar)
        : null;
    const [route] = advice?.suspects ?? [];
    const finding = advice === null ? cause.stream.finding() : suspectsText(advice);
    return {
      ...numbers,
      cause: route?.name ?? numbers.cause,
      decision: 'revert',
      rule: capped ? 'cap' : 'evidence',
      text: revertText(finding, capped, logEvidence),
    };
  }

  /**
   * What bad routes explain of evidence that would send the rollout back, where they are to be parked instead; null when they
   * do not, or when the evidence on them is too long in coming.
   */
  #parkAdvice(
    context: AssessContext,
    readings: readonly StreamReading[],
    logEvidence: number,
  ): ParkAdvice | null {
    if (context.onBadRoute !== 'park') return null;
    if (logEvidence < this.#logBar) {
      this.#waitsForRouteSinceMs = null;
      return null;
    }
    this.#waitsForRouteSinceMs ??= this.#nowMs;
    const parkedCount = this.#trackedRoutes.parkedSlots.length;
    const advice = parkAdvice(this.#routes.streams, this.#errors.errors, parkedCount, this.#logBar);
    if (advice === null || combineEvidence(unexplained(readings, advice)).logEvidence >= this.#logBar)
      return null;
    const isPatient = this.#nowMs - this.#waitsForRouteSinceMs < parkPatienceMs;
    return isPatient || advice.bad.length > 0 ? advice : null;
  }

  /** What an advance lacks, most serious first; null when nothing. */
  #lack(
    { goal }: AssessContext,
    { logEvidence, secondsNeeded: seconds }: Pick<Verdict, 'logEvidence' | 'secondsNeeded'>,
    cause: StreamReading | null,
    need: Need | null,
  ): Lack | null {
    const { x, y } = this.#errors.errors.stepCounts();
    if (y.requests === 0)
      return {
        rule: 'no-data',
        text: `no traffic on Y in this step yet, ${formatCount(x.requests)} requests on X`,
      };
    if (!this.#xHealth.healthy()) return { rule: 'x-unhealthy', text: this.#xUnhealthyText() };
    if (logEvidence >= this.#logBar / 2 && cause !== null)
      return { rule: 'suspicion', text: this.#suspicionText(cause.stream, logEvidence) };
    const retest = this.#retests.holdText(this.#nowMs, goal === 'soak');
    if (retest !== null) return { rule: 'retest', text: retest };
    const blindness = this.#failures.blindness();
    if (blindness !== null) return { rule: 'attribution', text: blindness };
    if (goal === 'soak') return null;
    if (x.requests === 0)
      return {
        rule: 'no-data',
        text: `no traffic on X to compare with: Y had ${formatCount(y.requests)} requests`,
      };
    if (this.#warmupLeftMs() > 0 && this.#nextWeightPpm > warmupWeightPpmMax)
      return { rule: 'warmup', text: this.#warmupText() };
    if (need !== null) return { rule: 'needs-samples', text: lackText(need, seconds) };
    const leftMs = this.#stepStartedMs + stepWatchedMsMin - this.#nowMs;
    return leftMs > 0
      ? { rule: 'bake', text: `the step is watched for another ${formatDuration(leftMs)}` }
      : null;
  }

  /** The largest need of all streams that have a say; before the warm-up is over, that is the errors alone. */
  #need(): Need | null {
    const families = this.#warmupLeftMs() > 0 ? [this.#errors] : this.#families;
    let largest: Need | null = null;
    for (const { streams } of families) {
      for (const stream of streams) {
        const need = stream.need();
        if (need?.requests === null) return need;
        if (need !== null && need.requests > (largest?.requests ?? 0)) largest = need;
      }
    }
    return largest;
  }

  #warmupLeftMs(): number {
    if (this.#firstYMs === null) return this.#thresholds.warmupMs;
    return Math.max(0, this.#firstYMs + this.#thresholds.warmupMs - this.#nowMs);
  }

  #warmupText(): string {
    const left = formatDuration(this.#warmupLeftMs());
    return `Y is warming up for another ${left}; until then it gets no more than ${formatShare(warmupWeightPpmMax / PPM)}`;
  }

  #xUnhealthyText(): string {
    const now = formatShare(this.#xHealth.rate());
    const usual = formatShare(this.#xHealth.usualRate());
    return `X itself has ${now} errors now, usual are ${usual}; nothing advances until it has recovered`;
  }

  #suspicionText(stream: EvidenceStream, logEvidence: number): string {
    const chance = formatChance(logEvidence);
    const bar = formatChance(this.#logBar);
    return `${stream.finding()} raise suspicion: the chance of this if Y were no worse is below ${chance}, a revert needs ${bar}`;
  }

  #advanceText({ goal }: AssessContext): string {
    const { errors } = this.#errors;
    const { x, y } = errors.stepCounts();
    const compared = comparisonText('errors', x, y);
    if (goal === 'soak') return `${compared}; nothing speaks against Y${hardlyCompared(x.requests)}`;
    const margin = formatShare(errors.evidence().margin ?? 0);
    return `${compared}; Y is not worse by more than ${margin} of its requests`;
  }

  /** Everything that a restart must not lose, as plain JSON. */
  snapshot(): AnalysisSnapshot {
    return {
      version: 4,
      thresholds: this.#fingerprint,
      nowMs: this.#nowMs,
      stepStartedMs: this.#stepStartedMs,
      firstYMs: this.#firstYMs,
      nextWeightPpm: this.#nextWeightPpm,
      xHealth: this.#xHealth.snapshot(),
      errors: this.#errors.snapshot(),
      status: this.#status.snapshot(),
      latency: this.#latency.snapshot(),
      routes: this.#routes.snapshot(),
      attributed: this.#failures.snapshot(),
      makers: this.#makers.snapshot(),
      retests: this.#retests.snapshot(),
    };
  }

  /**
   * Goes on where the snapshot ended, whatever the clock says now. False, with nothing changed, when the evidence was
   * gathered for other thresholds or by another version: then the tests begin anew.
   */
  restore(snapshot: AnalysisSnapshot): boolean {
    if (snapshot.version !== 4 || snapshot.thresholds !== this.#fingerprint) return false;
    this.#nowMs = snapshot.nowMs;
    this.#shiftMs = null;
    this.#stepStartedMs = snapshot.stepStartedMs;
    this.#firstYMs = snapshot.firstYMs;
    this.#nextWeightPpm = snapshot.nextWeightPpm;
    this.#xHealth.restore(snapshot.xHealth);
    this.#errors.restore(snapshot.errors);
    this.#status.restore(snapshot.status);
    this.#latency.restore(snapshot.latency);
    this.#trackedRoutes.refresh();
    this.#routes.routesChanged(this.#nowMs);
    this.#routes.restore(snapshot.routes);
    this.#failures.restore(snapshot.attributed);
    this.#makers.restore(snapshot.makers);
    this.#retests.restore(snapshot.retests);
    if (lacksStatusProof(snapshot)) this.#status.resetStep(snapshot.nextWeightPpm, snapshot.nowMs);
    return true;
  }
}

/** Earlier versions took no proof of status classes: the proof of the step that they began starts where they ended. */
const lacksStatusProof = ({ errors, status }: AnalysisSnapshot): boolean =>
  errors.errors.required && status.some(({ stream }) => !stream.required);

/** Fewer requests on X than this say nothing about what is usual. */
const soakRequestsXMin = 20;

const hardlyCompared = (requestsX: number): string =>
  requestsX < soakRequestsXMin ? ', but there was hardly anything on X to compare with' : '';

/** What the step lacks, in words; the doubt where no number of requests would do. */
const lackText = ({ requests, subject, doubt }: Need, seconds: number | null): string =>
  requests === null ? doubt : `${needsText(requests, subject)}${arrivalText(seconds)}`;

function secondsNeeded(requests: number | null, rates: Rates): number | null {
  if (requests === null || rates.y.requestsPerSecond <= 0) return null;
  return requests / rates.y.requestsPerSecond;
}
