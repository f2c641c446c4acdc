// When the rollout will be over, from the two parts that know: where it is, and what its proofs still take.
import { forecastRollout, type RolloutForecast } from '#src/core/rollout/forecast.ts';
import type { Assessor } from './assessor.ts';
import type { RolloutService } from './rollout-service.ts';

/** The forecast at this moment; null while no rollout is under way that moves on by itself. */
export const forecastOf = (rollout: RolloutService, assessor: Assessor): RolloutForecast | null =>
  forecastRollout({
    state: rollout.state,
    verdict: assessor.verdict,
    atMs: rollout.nowMs(),
    requestsForStep: (weightPpm, next) => assessor.requestsForStep(weightPpm, next),
  });
