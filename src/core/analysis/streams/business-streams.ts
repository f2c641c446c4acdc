// Successes and trials that the business counts, such as checkouts: assessed by the test of the error stream,
// and combined with the verdict on the traffic under one budget for false reverts. They can speak against Y.
// They are few, so an advance does not wait until they speak in Y's favour; but it waits until they could
// have spoken against it.
//
// The average of all e-values stays an e-value when the traffic's part is scaled to make room: with streams
// here, traffic counts (1 - businessShare) and they share businessShare equally, so weights sum to no more
// than they did, at most 1.

import { yWindowsMin } from '#src/core/analysis/clustering/deflation.ts';
import { logAdd } from '#src/core/analysis/e-process/log-add.ts';
import { type RateSnapshot, RateTracker } from '#src/core/analysis/e-process/rate-tracker.ts';
import { errorOdds } from '#src/core/analysis/e-process/stream-test.ts';
import type { HoldRule, StreamEvidence, Verdict } from '#src/core/analysis/verdict.ts';
import { formatChance, formatDuration } from '#src/core/analysis/verdict-text.ts';
import { blipProfiles, ComparedStream, type StreamSnapshot } from './compared-stream.ts';

/**
 * Share of the false-revert budget of all business streams together. Costs the others ln(1/0.9) = 0.1 nats.
 */
export const businessShare = 0.1;

interface BusinessStreamSpec {
  readonly name: string;
  /** Worse is a failure rate on Y above timesX * X's + over; both shares. */
  readonly timesX: number;
  readonly over: number;
  /** How often samples come: what comes within this time of each other is one window. */
  readonly intervalMs: number;
}

export interface BusinessSnapshot {
  readonly nowMs: number;
  readonly step: number;
  readonly streams: readonly {
    /** The specification the evidence was gathered for. */
    readonly spec: string;
    readonly rate: RateSnapshot;
    readonly stream: StreamSnapshot;
    readonly pending: readonly number[];
    /** First trials on Y; absent in what earlier versions kept. */
    readonly firstYMs?: number | null;
  }[];
}

/** One counted metric: what was pushed since the last tick, and the tests on it. */
class BusinessStream {
  readonly spec: BusinessStreamSpec;
  readonly fingerprint: string;
  readonly stream: ComparedStream;
  readonly #windowMs: number;
  readonly #rate = new RateTracker();
  /** First trials on Y since the rollout began. */
  #firstYMs: number | null = null;
  // nX, kX, nY, kY.
  #pending: [number, number, number, number] = [0, 0, 0, 0];

  constructor(spec: BusinessStreamSpec, weight: number, blipToleranceMs: 1000 | 5000) {
    const profile = blipProfiles[blipToleranceMs];
    const { name, timesX, over, intervalMs } = spec;
    this.spec = spec;
    this.#windowMs = Math.max(profile.windowMs, intervalMs);
    this.fingerprint = JSON.stringify([name, timesX, over, this.#windowMs, weight]);
    const stream = { name: `business.${name}`, weight, timesX, over, odds: errorOdds, certify: false };
    this.stream = new ComparedStream(
      stream,
      { ...profile, windowMs: this.#windowMs },
      () => `${name}: failures`,
    );
  }

  push(cluster: 'x' | 'y', trials: number, failures: number): void {
    const at = cluster === 'x' ? 0 : 2;
    this.#pending[at] += trials;
    this.#pending[at + 1] = (this.#pending[at + 1] as number) + failures;
  }

  tick(nowMs: number, dtMs: number, step: number): void {
    const [nX, kX, nY, kY] = this.#pending;
    const a = this.#rate.plugIn();
    if (nY > 0) this.#firstYMs ??= nowMs;
    this.stream.beginTick(nowMs, dtMs);
    if (nX + nY > 0) this.stream.add(step, nX, kX, nY, kY, a);
    this.#pending = [0, 0, 0, 0];
    // The tracker's half-lives are made for ticks. Samples that come every 15 s need half-lives that are
    // longer by the same factor.
    this.#rate.add((dtMs * 1000) / this.#windowMs, nX, kX);
  }

  resetRollout(nowMs: number): void {
    this.#firstYMs = null;
    this.stream.resetRollout(nowMs);
  }

  /** Why an advance has to wait for these counts; null when they have nothing against it. */
  hold(nowMs: number, logBar: number): (Pick<Verdict, 'text'> & { readonly rule: HoldRule }) | null {
    const log = this.stream.suspectedLogEvidence();
    if (log >= logBar / 2) {
      const needed = formatChance(logBar - Math.log(this.stream.weight));
      const chance = `the chance of this if Y were no worse is below ${formatChance(log)}, a revert needs ${needed}`;
      return { rule: 'suspicion', text: `${findingOf(this.stream)} raise suspicion: ${chance}` };
    }
    const leftMs = this.#unheardMs(nowMs);
    if (leftMs <= 0) return null;
    const intervals = `${yWindowsMin} intervals of ${formatDuration(this.#windowMs)}`;
    const text = `${this.spec.name}: the first counts on Y are watched for ${intervals}, another ${formatDuration(leftMs)}`;
    return { rule: 'bake', text };
  }

  /**
   * How long the first counts still cannot speak against Y: evidence counts from the third window on. They
   * are waited for that long, and no longer when trials are so few that windows stay empty.
   */
  #unheardMs(nowMs: number): number {
    if (this.#firstYMs === null || this.stream.ring.yWindows(nowMs) >= yWindowsMin) return 0;
    return this.#firstYMs + yWindowsMin * this.#windowMs - nowMs;
  }

  snapshot(): BusinessSnapshot['streams'][number] {
    return {
      spec: this.fingerprint,
      rate: this.#rate.snapshot(),
      stream: this.stream.snapshot(),
      pending: this.#pending,
      firstYMs: this.#firstYMs,
    };
  }

  restore({ rate, stream, pending, firstYMs = null }: BusinessSnapshot['streams'][number]): void {
    const [nX = 0, kX = 0, nY = 0, kY = 0] = pending;
    this.#rate.restore(rate);
    this.stream.restore(stream);
    this.#pending = [nX, kX, nY, kY];
    this.#firstYMs = firstYMs;
  }
}

export class BusinessStreams {
  readonly #streams: readonly BusinessStream[];
  /** Time of the streams: the sum of all ticks, so that a restart goes on where it stopped. */
  #nowMs = 0;
  /** Counted up at every step: counts of different splits never share a block. */
  #step = 0;

  constructor(specs: readonly BusinessStreamSpec[], blipToleranceMs: 1000 | 5000) {
    const weight = businessShare / Math.max(1, specs.length);
    this.#streams = specs.map((spec) => new BusinessStream(spec, weight, blipToleranceMs));
  }

  /** Adds a sample: `failures` of `trials` went wrong. False when there is no such stream. */
  push(name: string, cluster: 'x' | 'y', trials: number, failures: number): boolean {
    const stream = this.#streams.find(({ spec }) => spec.name === name);
    stream?.push(cluster, trials, failures);
    return stream !== undefined;
  }

  /** Lets `dtMs` pass and takes what was pushed meanwhile. */
  tick(dtMs: number): void {
    this.#nowMs += dtMs;
    for (const stream of this.#streams) stream.tick(this.#nowMs, dtMs, this.#step);
  }

  resetRollout(): void {
    this.#step++;
    for (const stream of this.#streams) stream.resetRollout(this.#nowMs);
  }

  resetStep(): void {
    this.#step++;
    for (const { stream } of this.#streams) stream.resetStep(null, this.#nowMs);
  }

  /** The verdict on the traffic with what these streams add to it. */
  combineWith(verdict: Verdict): Verdict {
    if (this.#streams.length === 0) return verdict;
    const trafficShare = 1 - businessShare;
    const evidence = this.#streams.map(({ stream }) => stream.evidence());
    const strongest = largest(evidence, this.#streams);
    const traffic = Math.log(trafficShare) + verdict.logEvidence;
    const logEvidence = evidence.reduce((sum, { weight, logWorse }) => {
      return logAdd(sum, Math.log(weight) + logWorse);
    }, traffic);
    const isOurs = strongest !== null && contribution(strongest.evidence) > traffic;
    const scaled = verdict.streams.map((one) => ({ ...one, weight: one.weight * trafficShare }));
    const combined: Verdict = {
      ...verdict,
      logEvidence,
      streams: [...scaled, ...evidence],
      cause: isOurs ? strongest.evidence.stream : verdict.cause,
    };
    const finding = isOurs ? findingOf(strongest.stream) : verdict.text;
    return this.#holdAdvance(decide(combined, verdict.decision === 'revert', finding, isOurs));
  }

  /**
   * An advance waits for counts that look bad, or that could not speak against Y yet. A revert waits for
   * nothing.
   */
  #holdAdvance(verdict: Verdict): Verdict {
    if (verdict.decision !== 'advance') return verdict;
    for (const stream of this.#streams) {
      const hold = stream.hold(this.#nowMs, verdict.logEvidenceBar);
      if (hold !== null) return { ...verdict, decision: 'hold', ...hold };
    }
    return verdict;
  }

  snapshot(): BusinessSnapshot {
    return {
      nowMs: this.#nowMs,
      step: this.#step,
      streams: this.#streams.map((stream) => stream.snapshot()),
    };
  }

  /**
   * Goes on with the evidence of every stream that is still the same. False when some evidence did not fit.
   */
  restore(snapshot: BusinessSnapshot): boolean {
    this.#nowMs = snapshot.nowMs;
    this.#step = snapshot.step;
    let all = true;
    for (const stream of this.#streams) {
      const kept = snapshot.streams.find(({ spec }) => spec === stream.fingerprint);
      if (kept === undefined) stream.resetRollout(this.#nowMs);
      else stream.restore(kept);
      all &&= kept !== undefined;
    }
    return all;
  }
}

const contribution = ({ weight, logWorse }: StreamEvidence): number => Math.log(weight) + logWorse;

function largest(evidence: readonly StreamEvidence[], streams: readonly BusinessStream[]) {
  let best: { readonly stream: ComparedStream; readonly evidence: StreamEvidence } | null = null;
  for (const [index, one] of evidence.entries()) {
    if (one.logWorse <= 0 || (best !== null && contribution(one) <= contribution(best.evidence))) continue;
    best = { stream: (streams[index] as BusinessStream).stream, evidence: one };
  }
  return best;
}

const findingOf = (stream: ComparedStream): string => stream.finding().replace(/ requests$/, ' trials');

/**
 * Applies the bars to the combined evidence. The verdict on the traffic alone stands unless the combination
 * changes it.
 */
function decide(verdict: Verdict, trafficReverts: boolean, finding: string, isOurs: boolean): Verdict {
  const { logEvidence, logEvidenceBar: bar } = verdict;
  if (logEvidence >= bar) {
    if (trafficReverts && !isOurs) return verdict;
    const chance = formatChance(logEvidence);
    const text = isOurs ? `${finding}; the chance of this if Y were no worse is below ${chance}` : finding;
    return { ...verdict, decision: 'revert', rule: 'evidence', text };
  }
  const isSuspicious = logEvidence >= bar / 2 && (isOurs || trafficReverts);
  if (!isSuspicious || (verdict.decision === 'hold' && !isOurs)) return verdict;
  const chance = formatChance(logEvidence);
  const text = isOurs
    ? `${finding} raise suspicion: the chance of this if Y were no worse is below ${chance}, a revert needs ${formatChance(bar)}`
    : finding;
  return { ...verdict, decision: 'hold', rule: 'suspicion', text };
}
