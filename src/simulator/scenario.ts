// A scenario: traffic, what happens to it, and the rollout it happens to. Data only; simulation.ts runs it.
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import type { PlanSettings } from '#src/core/rollout/plan.ts';
import { PPM } from '#src/limits.ts';
import type { Climate } from './conditions.ts';
import { productDefaults } from './product-defaults.ts';

export interface Scenario {
  /** Stable name, `group/what`, for the command line and for the seeds of its runs. */
  readonly name: string;
  /** In the words of the tables. */
  readonly title: string;
  readonly climate: Climate;
  readonly plan: PlanSettings;
  readonly thresholds: AnalysisThresholds;
  /** Seconds after Y's first traffic at which a run is over. */
  readonly horizonSeconds: number;
  /** From when on Y is worse: times and samples count from here. */
  readonly onsetSecond: number;
  /** The control thread dies this often; null: never. */
  readonly restartEverySeconds: number | null;
  /** More than one: counted by so many workers in shared memory and summed by the production sampler. */
  readonly workers: number;
  /** Runs in a full simulation. */
  readonly runs: number;
}

type Given = Pick<Scenario, 'name' | 'title' | 'climate'> &
  Partial<Omit<Scenario, 'plan' | 'thresholds'>> & {
    readonly plan?: Partial<PlanSettings>;
    readonly thresholds?: Partial<AnalysisThresholds>;
  };

/**
 * Without a bake: the shipped 60 s per step would hide how quick the evidence is. A minute of soak, so that what happens at
 * full weight is seen too.
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

/** A whole rollout with the shipped steps and thresholds. */
export const wholeRollout = (given: Given): Scenario => complete(given, rolloutPlan, {});

/** Y stays at one weight. Nothing to warm up, so that times count from Y's first request. */
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
