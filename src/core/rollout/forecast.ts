// When a rollout will be over if nothing changes: between which times its step ends, and all of it. A person
// at night asks for nothing more often than that. Each span holds in about three of four cases, if the rates
// stay as they are. Where something holds the rollout that nobody can foresee the end of, there is none.
import { passageRange } from '#src/core/analysis/e-process/first-passage.ts';
import { logSafeBar } from '#src/core/analysis/e-process/safe-test.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { PPM, stepWatchedMsMin, warmupWeightPpmMax } from '#src/limits.ts';
import type { HoldReason, RolloutPlan, RolloutState } from './rollout-state.ts';
import type { StateOf } from './transitions.ts';

/** From now on. */
export interface Span {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export interface RolloutForecast {
  /** Until the present step, or the soak, is over; null when nobody can tell. */
  readonly step: Span | null;
  /** Until the rollout is completed; null when nobody can tell. */
  readonly rollout: Span | null;
}

interface ForecastFacts {
  readonly state: RolloutState;
  readonly verdict: Verdict | null;
  /** The rollout's clock, Unix epoch ms. */
  readonly atMs: number;
  /**
   * Requests on Y that a step at a share takes until the next may follow, on average; 0 when none, null for
   * never.
   */
  readonly requestsForStep: (weightPpm: number, nextWeightPpm: number) => number | null;
}

/** A time with its range, seconds. */
interface Estimate {
  readonly from: number;
  readonly mean: number;
  readonly to: number;
}

const unknown: RolloutForecast = { step: null, rollout: null };

/** Null while no rollout is under way that moves on by itself. */
export function forecastRollout(facts: ForecastFacts): RolloutForecast | null {
  const { state, verdict } = facts;
  if (state.phase !== 'ramping' && state.phase !== 'soaking') return null;
  if (verdict === null || !isForeseeable(state.hold)) return unknown;
  if (state.phase === 'soaking') {
    const left = exactly(Math.max(0, state.sinceMs + state.plan.soakMs - facts.atMs) / 1000);
    return { step: spanOf([left]), rollout: spanOf([left]) };
  }
  const step = presentStep(state, verdict, facts.atMs);
  if (step === null) return unknown;
  const later = laterSteps(state, verdict, step.mean, facts.requestsForStep);
  return { step: spanOf([step]), rollout: later === null ? null : spanOf([step, ...later]) };
}

/** Whether the hold ends by time or by evidence alone. */
const isForeseeable = (hold: HoldReason | null): boolean =>
  hold === null || hold.name === 'bake' || hold.name === 'needs-samples' || hold.name === 'warmup';

const exactly = (seconds: number): Estimate => ({ from: seconds, mean: seconds, to: seconds });

const notBefore = (seconds: number, { from, mean, to }: Estimate): Estimate => ({
  from: Math.max(seconds, from),
  mean: Math.max(seconds, mean),
  to: Math.max(seconds, to),
});

function presentStep(state: StateOf<'ramping'>, verdict: Verdict, atMs: number): Estimate | null {
  const { plan, stepIndex, stepSinceMs } = state;
  const watchedSeconds = watchedMsOf(plan) / 1000 - (atMs - stepSinceMs) / 1000;
  const warmup = nextShare(plan, stepIndex) > warmupWeightPpmMax ? (verdict.warmupSeconds ?? 0) : 0;
  const least = Math.max(0, watchedSeconds, warmup);
  const { needs } = verdict;
  if (needs === undefined) return exactly(least);
  const { seconds, range } = needs;
  if (seconds === null || range === undefined) return null;
  return notBefore(least, { from: range.fromSeconds, mean: seconds, to: range.toSeconds });
}

/** The steps after the present one, which takes `soFar` seconds, and the soak; null for never. */
function laterSteps(
  { plan, stepIndex }: StateOf<'ramping'>,
  { last60s, warmupSeconds = 0 }: Verdict,
  soFar: number,
  requestsForStep: ForecastFacts['requestsForStep'],
): readonly Estimate[] | null {
  const perSecond = last60s.x.requestsPerSecond + last60s.y.requestsPerSecond;
  const estimates: Estimate[] = [];
  let elapsed = soFar;
  for (let index = stepIndex + 1; index < plan.stepsPpm.length; index++) {
    const share = plan.stepsPpm[index] as number;
    if (share === PPM) break;
    const next = nextShare(plan, index);
    const requests = requestsForStep(share, next);
    if (requests === null) return null;
    const warmup = next > warmupWeightPpmMax ? warmupSeconds - elapsed : 0;
    const estimate = notBefore(
      Math.max(watchedMsOf(plan) / 1000, warmup),
      ofProof((requests * PPM) / (perSecond * share)),
    );
    elapsed += estimate.mean;
    estimates.push(estimate);
  }
  return [...estimates, exactly(plan.soakMs / 1000)];
}

function ofProof(seconds: number): Estimate {
  const { from, to } = passageRange(logSafeBar);
  return { from: seconds * from, mean: seconds, to: seconds * to };
}

const nextShare = (plan: RolloutPlan, index: number): number => plan.stepsPpm[index + 1] ?? PPM;

const watchedMsOf = ({ bakeMs }: RolloutPlan): number => Math.max(bakeMs, stepWatchedMsMin);

/**
 * The sum. Times of steps that follow each other are not all short or all long, so their spans add by
 * squares.
 */
function spanOf(estimates: readonly Estimate[]): Span | null {
  let mean = 0;
  let before = 0;
  let after = 0;
  for (const estimate of estimates) {
    mean += estimate.mean;
    before += (estimate.mean - estimate.from) ** 2;
    after += (estimate.to - estimate.mean) ** 2;
  }
  if (!Number.isFinite(mean)) return null;
  return { fromSeconds: mean - Math.sqrt(before), toSeconds: mean + Math.sqrt(after) };
}
