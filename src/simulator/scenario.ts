// A scenario: traffic, what happens to it, and the rollout. It is data; simulation.ts runs it.
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { PlanSettings } from '#src/core/rollout/plan.ts';
import { PPM } from '#src/limits.ts';
import type { TrafficModel } from './conditions.ts';
import { productDefaults } from './product-defaults.ts';

export interface Scenario {
  /** Name such as `group/what`, for the command line and for the seeds of its runs. It must not change. */
  readonly name: string;
  /** What it is called in tables. */
  readonly title: string;
  readonly traffic: TrafficModel;
  readonly plan: PlanSettings;
  readonly thresholds: AnalysisThresholds;
  /** Seconds after Y's first traffic at which a run is over. */
  readonly horizonSeconds: number;
  /** From when on Y is worse. Times and requests are counted from here. */
  readonly onsetSecond: number;
  /** How often the control thread dies; null for never. */
  readonly restartEverySeconds: number | null;
  /**
   * Workers that count in shared memory, from which the production sampler reads; with 1 there is neither.
   */
  readonly workers: number;
  /** Number of runs in a full simulation. */
  readonly runs: number;
}

type Given = Pick<Scenario, 'name' | 'title' | 'traffic'> &
  Partial<Omit<Scenario, 'plan' | 'thresholds'>> & {
    readonly plan?: Partial<PlanSettings>;
    readonly thresholds?: Partial<AnalysisThresholds>;
  };

/**
 * The shipped rollout without its bake, since 60 s for each step would hide how quickly the evidence comes,
 * and with a minute of soak, so that the simulation also shows full weight.
 */
const rolloutPlan: PlanSettings = { ...productDefaults.rollout, bakeMs: 0, soakMs: 60_000 };

const complete = (given: Given, plan: PlanSettings, thresholds: Partial<AnalysisThresholds>): Scenario => ({
  horizonSeconds: 600,
  onsetSecond: 0,
  restartEverySeconds: null,
  workers: 1,
  runs: 1,
  ...given,
  plan: { ...plan, ...given.plan },
  thresholds: { ...productDefaults.thresholds, ...thresholds, ...given.thresholds },
});

/** A scenario of a whole rollout, with the shipped steps and thresholds. */
export const wholeRollout = (given: Given): Scenario => complete(given, rolloutPlan, {});

/**
 * A scenario in which Y stays at one weight. There is no warm-up, so that times count from Y's first request.
 */
export function fixedWeight(share: number, given: Given): Scenario {
  const horizonMs = (given.horizonSeconds ?? 600) * 1000;
  const plan: PlanSettings = {
    ...rolloutPlan,
    stepsPpm: [Math.round(share * PPM), PPM],
    bakeMs: 10 * horizonMs,
    stepTimeoutMs: 20 * horizonMs,
  };
  return complete(given, plan, { warmupMs: 0 });
}
