// The analysis as the control thread runs it: on the monotonic clock, kept across restarts, and rebuilt when
// the thresholds change while it runs.

import type { BusinessMetric } from '#src/config/signals-config.ts';
import { Analysis, type AnalysisSnapshot } from '#src/core/analysis/analysis.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { type BusinessSnapshot, BusinessStreams } from '#src/core/analysis/streams/business-streams.ts';
import { type RouteNames, unnamedRoutes } from '#src/core/analysis/streams/tracked-routes.ts';
import type { RetestKind, Verdict } from '#src/core/analysis/verdict.ts';
import { rolloutIdOf } from '#src/core/rollout/rollout-id.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { isSoaking } from '#src/core/rollout/transitions.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import type { AnalysisResets } from './run-effects.ts';

/** What is kept: the evidence, and the rollout it was gathered for. */
interface KeptAnalysis {
  readonly rolloutId: string | null;
  readonly analysis: AnalysisSnapshot;
  /** Absent in what earlier versions kept. */
  readonly business?: BusinessSnapshot;
}

export class Assessor implements AnalysisResets {
  readonly #monotonicMs: () => number;
  readonly #routes: RouteNames;
  #analysis: Analysis;
  #thresholds: AnalysisThresholds;
  #metrics: readonly BusinessMetric[];
  #business: BusinessStreams;
  #verdict: Verdict | null = null;

  constructor(
    thresholds: AnalysisThresholds,
    monotonicMs: () => number,
    metrics: readonly BusinessMetric[] = [],
    routes: RouteNames = unnamedRoutes,
  ) {
    this.#routes = routes;
    this.#analysis = new Analysis(thresholds, routes);
    this.#thresholds = thresholds;
    this.#metrics = metrics;
    this.#business = streamsFor(metrics, thresholds);
    this.#monotonicMs = monotonicMs;
  }

  /** The last verdict; null before the first tick. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  update(sample: TickSample): void {
    this.#analysis.update(sample);
    this.#business.tick(sample.dtMs);
  }

  assess(state: RolloutState): Verdict {
    const onBadRoute = 'plan' in state ? state.plan.onBadRoute : 'revert';
    const verdict = this.#analysis.assess({ goal: isSoaking(state) ? 'soak' : 'step', onBadRoute });
    this.#verdict = this.#business.combineWith(verdict);
    return this.#verdict;
  }

  /**
   * Requests on Y that a step at `weightPpm` takes until Y may get `nextWeightPpm`, on average at the present
   * rates; 0 when none, null for never.
   */
  requestsForStep(weightPpm: number, nextWeightPpm: number): number | null {
    return this.#analysis.requestsForStep(weightPpm, nextWeightPpm);
  }

  /** Age in ms from which a waiting request counts as slow; Infinity while unknown. */
  slowThresholdMs(arm: 'x' | 'y', quantileIndex: number): number {
    return this.#analysis.slowThresholdMs(arm, quantileIndex);
  }

  /** Groups of clients that are not compared, 0..63. */
  get suspectGroups(): readonly number[] {
    return this.#analysis.suspectGroups;
  }

  resetStep(nextWeightPpm: number): void {
    this.#analysis.resetStep(nextWeightPpm, this.#monotonicMs());
    this.#business.resetStep();
  }

  resetRollout(): void {
    this.#analysis.resetRollout(this.#monotonicMs());
    this.#business.resetRollout();
  }

  routeParked(): void {
    this.#analysis.routeParked(this.#monotonicMs());
  }

  retest(kinds: readonly RetestKind[]): void {
    this.#analysis.retest(kinds, this.#monotonicMs());
  }

  /** Takes a sample of a counted business metric: `failures` of `trials` went wrong. */
  countBusiness(name: string, cluster: 'x' | 'y', trials: number, failures: number): void {
    this.#business.push(name, cluster, trials, failures);
  }

  /** Watches other business metrics from now on; evidence of those that stayed the same is kept. */
  setMetrics(metrics: readonly BusinessMetric[]): void {
    this.#metrics = metrics;
    this.#rebuildBusiness();
  }

  #rebuildBusiness(): boolean {
    const before = this.#business.snapshot();
    this.#business = streamsFor(this.#metrics, this.#thresholds);
    return this.#business.restore(before);
  }

  /**
   * Uses other thresholds from now on. Returns false when the evidence so far does not fit them and was
   * dropped.
   */
  setThresholds(thresholds: AnalysisThresholds): boolean {
    const before = this.#analysis.snapshot();
    this.#analysis = new Analysis(thresholds, this.#routes);
    this.#thresholds = thresholds;
    this.#rebuildBusiness();
    if (this.#analysis.restore(before)) return true;
    this.resetRollout();
    this.#analysis.keepWarm(before, this.#monotonicMs());
    this.resetStep(before.nextWeightPpm);
    return false;
  }

  snapshot(state: RolloutState): KeptAnalysis {
    const business = this.#business.snapshot();
    return { rolloutId: rolloutIdOf(state), analysis: this.#analysis.snapshot(), business };
  }

  /** Goes on with kept evidence if it was gathered for this rollout and these thresholds. */
  restore(kept: unknown, state: RolloutState): boolean {
    if (!isKeptAnalysis(kept) || kept.rolloutId !== rolloutIdOf(state)) return false;
    if (kept.business !== undefined) this.#business.restore(kept.business);
    return this.#analysis.restore(kept.analysis);
  }
}

const streamsFor = (
  metrics: readonly BusinessMetric[],
  { blipToleranceMs }: AnalysisThresholds,
): BusinessStreams =>
  new BusinessStreams(
    metrics.flatMap((metric) =>
      metric.kind === 'trials'
        ? [{ name: metric.name, timesX: metric.timesX, over: metric.overX, intervalMs: metric.intervalMs }]
        : [],
    ),
    blipToleranceMs,
  );

/**
 * The store has checked its own pages, and `snapshot` wrote what it holds. So it is enough to look at the
 * outline.
 */
function isKeptAnalysis(value: unknown): value is KeptAnalysis {
  return typeof value === 'object' && value !== null && 'rolloutId' in value && 'analysis' in value;
}
