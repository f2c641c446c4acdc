// The analysis of a rollout: takes each tick's counts, keeps the tests of every stream, and says advance,
// hold or revert with its numbers. How the tests work is in docs/decisions.md; what follows from a verdict is
// decided in core/rollout.

import { errorFailures, errorRequests } from '#src/core/telemetry/outcome.ts';
import type { EpochSample, TickSample } from '#src/core/telemetry/sample.ts';
import { type Rates, RollingWindow } from '#src/core/telemetry/window.ts';
import { PPM, stepWatchedMsMin, warmupWeightPpmMax } from '#src/limits.ts';
import { AnalysisStreams, type StreamsSnapshot } from './analysis-streams.ts';
import { type AnalysisThresholds, fingerprintOf } from './analysis-thresholds.ts';
import { logSafeBar } from './e-process/safe-test.ts';
import { stoppedTrafficText } from './stopped-traffic.ts';
import { combineEvidence, type StreamReading, unexplained } from './streams/combined-evidence.ts';
import { adviceText, type ParkAdvice, parkAdvice, suspectsText } from './streams/park-advice.ts';
import { type EvidenceStream, mostRequests, type Need } from './streams/stream-family.ts';
import { type RouteNames, unnamedRoutes } from './streams/tracked-routes.ts';
import type { HoldRule, RetestKind, StreamNeed, Verdict, VerdictNumbers } from './verdict.ts';
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

export interface AssessContext {
  /**
   * What a good verdict would allow. The next step takes evidence that Y is not worse. The end of the soak
   * takes only that nothing speaks against Y, because 1 % on X is too little to prove more within a soak.
   */
  readonly goal: 'step' | 'soak';
  /** Whether a route that is broken on Y alone sends the rollout back, as is usual, or is parked on X. */
  readonly onBadRoute?: 'revert' | 'park';
}

/** How long a revert waits for evidence on a route that would explain the evidence against Y. */
const parkPatienceMs = 20_000;

export interface AnalysisSnapshot extends StreamsSnapshot {
  readonly version: 4;
  /** The thresholds that the evidence was gathered for, as JSON. */
  readonly thresholds: string;
  readonly nowMs: number;
  readonly stepStartedMs: number;
  readonly firstYMs: number | null;
  readonly nextWeightPpm: number;
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
  readonly #streams: AnalysisStreams;
  readonly #window = new RollingWindow();
  /**
   * Time of the analysis: that of the samples, shifted after a restore so that it goes on where the snapshot
   * ended.
   */
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
    this.#thresholds = thresholds;
    this.#fingerprint = fingerprintOf(thresholds);
    this.#logBar = Math.log(1 / thresholds.falseReverts);
    this.#streams = new AnalysisStreams(thresholds, routeNames);
  }

  /** Takes one tick's counts. Allocates nothing. */
  update(sample: TickSample): void {
    const { families, makers, failures, retests, suspects, xHealth } = this.#streams;
    this.#shiftMs ??= this.#nowMs + sample.dtMs - sample.atMs;
    this.#nowMs = sample.atMs + this.#shiftMs;
    this.#window.advance(this.#nowMs);
    makers.advance(this.#nowMs);
    failures.beginTick();
    suspects.beginTick(sample.dtMs);
    this.#streams.refreshRoutes(this.#nowMs);
    for (const family of families) family.beginTick(this.#nowMs, sample.dtMs, this.#warmupLeftMs() === 0);
    let requestsX = 0;
    let failuresX = 0;
    for (const epoch of sample.epochs) {
      requestsX += errorRequests(epoch.x);
      failuresX += errorFailures(epoch.x);
      this.#take(epoch);
    }
    for (const family of families) family.endTick();
    if (suspects.endTick()) this.#beginAnew(this.#nowMs);
    retests.settle(this.#nowMs);
    xHealth.add(sample.dtMs, requestsX, failuresX);
  }

  #take(epoch: EpochSample): void {
    const { x, y } = epoch;
    const { families, makers, failures, suspects } = this.#streams;
    suspects.add(epoch);
    this.#weightPpm = epoch.weightPpm;
    if (errorRequests(y) > 0) this.#firstYMs ??= this.#nowMs;
    this.#window.add(errorRequests(x), errorFailures(x), errorRequests(y), errorFailures(y));
    makers.add(epoch);
    failures.add(epoch);
    for (const family of families) family.add(epoch);
  }

  /**
   * Age in ms at which a waiting request counts as slow at latency quantile `index`; Infinity while unknown.
   */
  slowThresholdMs(arm: 'x' | 'y', index: number): number {
    return this.#streams.latency.slowThresholdMs(arm, index);
  }

  /** A rollout begins: forgets all evidence. What is known of X alone stays. */
  resetRollout(atMs: number): void {
    const nowMs = this.#time(atMs);
    const { failures, families, retests, suspects } = this.#streams;
    suspects.reset();
    this.#firstYMs = null;
    failures.resetRollout();
    for (const family of families) family.resetRollout(nowMs);
    retests.resetRollout();
    this.#stepStartedMs = nowMs;
  }

  /** A Y that has had traffic before, for as long as in the snapshot, is as warm as it was. */
  keepWarm({ nowMs, firstYMs }: AnalysisSnapshot, atMs: number): void {
    if (firstYMs !== null) this.#firstYMs = this.#time(atMs) - (nowMs - firstYMs);
  }

  /**
   * A route was parked. What its failures have added to the evidence on all requests is given up, and an
   * advance takes new proof of the requests that are left. A test that begins anew owes nothing to the one
   * before.
   */
  routeParked(atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#streams.refreshRoutes(nowMs);
    this.#beginAnew(nowMs);
    this.#waitsForRouteSinceMs = null;
  }

  /** Gives up the evidence on both questions: some of the traffic that it is from is no longer compared. */
  #beginAnew(nowMs: number): void {
    for (const family of this.#streams.families) {
      family.forgetGains(nowMs);
      family.resetStep(this.#nextWeightPpm, nowMs);
    }
  }

  /** Groups of clients that are not compared, 0..63. */
  get suspectGroups(): readonly number[] {
    return this.#streams.suspects.groups;
  }

  /** Streams of these kinds start afresh, with half their weight, instead of reverting. */
  retest(kinds: readonly RetestKind[], atMs: number): void {
    this.#streams.retests.begin(kinds, this.#time(atMs), this.#weightPpm);
  }

  /**
   * A step begins, or begins anew, after which Y's share would grow to `nextWeightPpm`. Evidence that Y is
   * worse is kept, except on routes that have just been unparked: a snapshot taken from here on must not have
   * that evidence either.
   */
  resetStep(nextWeightPpm: number, atMs: number): void {
    const nowMs = this.#time(atMs);
    this.#streams.refreshRoutes(nowMs);
    this.#nextWeightPpm = nextWeightPpm;
    this.#stepStartedMs = nowMs;
    this.#streams.makers.resetStep();
    for (const family of this.#streams.families) family.resetStep(nextWeightPpm, nowMs);
  }

  #time(atMs: number): number {
    return this.#shiftMs === null ? this.#nowMs : atMs + this.#shiftMs;
  }

  /** The verdict on what was taken so far. */
  assess(context: AssessContext): Verdict {
    const { families, failures, makers, retests, xHealth } = this.#streams;
    const readings = families.flatMap(({ streams }) =>
      streams.map((stream): StreamReading => ({ stream, evidence: stream.evidence() })),
    );
    const again = retests.advice(readings, this.#logBar);
    const all = combineEvidence(again.rest);
    const advice = this.#parkAdvice(context, again.rest, all.logEvidence);
    const { logEvidence, cause } = advice === null ? all : combineEvidence(unexplained(again.rest, advice));
    const last10s = this.#window.rates(10);
    const need = context.goal === 'step' ? this.#need() : null;
    const samplesNeeded = need?.requests ?? null;
    const warmupLeftMs = this.#warmupLeftMs();
    const numbers = {
      logEvidence,
      logEvidenceBar: this.#logBar,
      logSafeBar,
      cause: cause?.stream.name ?? null,
      streams: readings.map(({ evidence }) => evidence),
      samplesNeeded,
      secondsNeeded: secondsNeeded(samplesNeeded, last10s),
      ...(need === null ? {} : { needs: streamNeed(need, last10s) }),
      ...(warmupLeftMs === 0 ? {} : { warmupSeconds: warmupLeftMs / 1000 }),
      xHealthy: xHealth.healthy(),
      last10s,
      last60s: this.#window.rates(60),
      failureMakers: { attribution: failures.attribution, ...makers.report() },
      ...(advice === null || advice.bad.length === 0 ? {} : { badRoutes: advice.bad }),
      ...retests.numbers(again, this.#nowMs),
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
    const { routes, errors } = this.#streams;
    const capped = cause.evidence.stream.endsWith('.max');
    const isRoute = routes.streams.some((stream) => stream === cause.stream);
    const advice =
      isRoute || cause.stream === errors.errors
        ? parkAdvice(routes.streams, errors.errors, 0, this.#logBar)
        : null;
    const [route] = advice?.suspects ?? [];
    // Where other routes look as bad, the one with the most evidence is only the one with the most requests.
    const isAll = isRoute && advice === null && errors.errors.evidence().logWorse >= this.#logBar;
    const named = isAll ? errors.errors : cause.stream;
    const finding = advice === null ? named.finding() : suspectsText(advice);
    return {
      ...numbers,
      cause: route?.name ?? named.name,
      decision: 'revert',
      rule: capped ? 'cap' : 'evidence',
      text: revertText(finding, capped, logEvidence),
    };
  }

  /**
   * What bad routes explain of the evidence against Y, where bad routes are parked. Null when they do not
   * explain it, or when the evidence on them takes too long to come.
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
    const { routes, trackedRoutes, errors } = this.#streams;
    const parkedCount = trackedRoutes.parkedSlots.length;
    const advice = parkAdvice(routes.streams, errors.errors, parkedCount, this.#logBar);
    if (advice === null || combineEvidence(unexplained(readings, advice)).logEvidence >= this.#logBar)
      return null;
    const isPatient = this.#nowMs - this.#waitsForRouteSinceMs < parkPatienceMs;
    return isPatient || advice.bad.length > 0 ? advice : null;
  }

  /** What an advance lacks, most serious first; null when nothing. */
  #lack(
    { goal }: AssessContext,
    { logEvidence, needs, last60s }: Pick<Verdict, 'logEvidence' | 'needs' | 'last60s'>,
    cause: StreamReading | null,
    need: Need | null,
  ): Lack | null {
    const { errors, xHealth, retests, failures } = this.#streams;
    const { x, y } = errors.errors.stepCounts();
    if (y.requests === 0)
      return {
        rule: 'no-data',
        text: `no traffic on Y in this step yet, ${formatCount(x.requests)} requests on X`,
      };
    if (!xHealth.healthy()) return { rule: 'x-unhealthy', text: this.#xUnhealthyText() };
    if (logEvidence >= this.#logBar / 2 && cause !== null)
      return { rule: 'suspicion', text: this.#suspicionText(cause.stream, logEvidence) };
    const retest = retests.holdText(this.#nowMs, goal === 'soak');
    if (retest !== null) return { rule: 'retest', text: retest };
    const blindness = failures.blindness();
    if (blindness !== null) return { rule: 'attribution', text: blindness };
    if (goal === 'soak') return null;
    if (x.requests === 0)
      return {
        rule: 'no-data',
        text: `no traffic on X to compare with: Y had ${formatCount(y.requests)} requests`,
      };
    if (this.#warmupLeftMs() > 0 && this.#nextWeightPpm > warmupWeightPpmMax)
      return { rule: 'warmup', text: this.#warmupText() };
    const stopped = stoppedTrafficText(last60s);
    if (need !== null && stopped !== null) return { rule: 'no-data', text: stopped };
    if (need !== null) return { rule: 'needs-samples', text: lackText(need, needs?.range ?? null) };
    const leftMs = this.#stepStartedMs + stepWatchedMsMin - this.#nowMs;
    return leftMs > 0
      ? { rule: 'bake', text: `the step is watched for another ${formatDuration(leftMs)}` }
      : null;
  }

  /** The largest need of all streams that count. Before the warm-up is over these are the errors alone. */
  #need(): Need | null {
    const { errors, families } = this.#streams;
    const asked = this.#warmupLeftMs() > 0 ? [errors] : families;
    let largest: Need | null = null;
    for (const { streams } of asked) {
      for (const stream of streams) {
        const need = stream.need();
        if (need?.requests === null) return need;
        if (need !== null && need.requests > (largest?.requests ?? 0)) largest = need;
      }
    }
    return largest;
  }

  /**
   * Requests on Y that a step at `weightPpm` takes at the present rates until Y may get `nextWeightPpm`, on
   * average; 0 when none, null for never.
   */
  requestsForStep(weightPpm: number, nextWeightPpm: number): number | null {
    const xPerY = (PPM - weightPpm) / weightPpm;
    return mostRequests(this.#streams.families.map((one) => one.requestsAfresh(nextWeightPpm, xPerY)));
  }

  #warmupLeftMs(): number {
    if (this.#firstYMs === null) return this.#thresholds.warmupMs;
    return Math.max(0, this.#firstYMs + this.#thresholds.warmupMs - this.#nowMs);
  }

  #warmupText(): string {
    const left = formatDuration(this.#warmupLeftMs());
    return `Y is warming up for another ${left}; until then its share does not grow`;
  }

  #xUnhealthyText(): string {
    const now = formatShare(this.#streams.xHealth.rate());
    const usual = formatShare(this.#streams.xHealth.usualRate());
    return `X itself has ${now} errors now, usual are ${usual}; nothing advances until it has recovered`;
  }

  #suspicionText(stream: EvidenceStream, logEvidence: number): string {
    const chance = formatChance(logEvidence);
    const bar = formatChance(this.#logBar);
    return `${stream.finding()} raise suspicion: the chance of this if Y were no worse is below ${chance}, a revert needs ${bar}`;
  }

  #advanceText({ goal }: AssessContext): string {
    const { errors } = this.#streams.errors;
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
      ...this.#streams.snapshot(),
    };
  }

  /**
   * Goes on where the snapshot ended, whatever the clock says now. Returns false, and changes nothing, when
   * the evidence was gathered for other thresholds or by another version. Then the tests begin anew.
   */
  restore(snapshot: AnalysisSnapshot): boolean {
    if (snapshot.version !== 4 || snapshot.thresholds !== this.#fingerprint) return false;
    this.#nowMs = snapshot.nowMs;
    this.#shiftMs = null;
    this.#stepStartedMs = snapshot.stepStartedMs;
    this.#firstYMs = snapshot.firstYMs;
    this.#nextWeightPpm = snapshot.nextWeightPpm;
    this.#streams.restore(snapshot);
    return true;
  }
}

/** Fewer requests on X than this say nothing about what is usual. */
const soakRequestsXMin = 20;

const hardlyCompared = (requestsX: number): string =>
  requestsX < soakRequestsXMin ? ', but there was hardly anything on X to compare with' : '';

/** What the step lacks, in words; the doubt when no number of requests would be enough. */
const lackText = ({ requests, subject, doubt }: Need, range: StreamNeed['range'] | null): string =>
  requests === null ? doubt : `${needsText(requests, subject)}${arrivalText(range ?? null)}`;

function secondsNeeded(requests: number | null, rates: Rates): number | null {
  if (requests === null || rates.y.requestsPerSecond <= 0) return null;
  return requests / rates.y.requestsPerSecond;
}

function streamNeed({ stream, requests, range }: Need, rates: Rates): StreamNeed {
  const seconds = secondsNeeded(requests, rates);
  if (seconds === null || range === undefined) return { stream, requests, seconds };
  const perSecond = rates.y.requestsPerSecond;
  return {
    stream,
    requests,
    seconds,
    range: { fromSeconds: range.from / perSecond, toSeconds: range.to / perSecond },
  };
}
