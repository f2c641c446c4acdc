// A rollout's plan from what the operator sent: units resolved, the rest from the config, problems as
// pointers into the body.
import { randomInt, randomUUID } from 'node:crypto';
import type { Config } from '#src/config/config.ts';
import { parseDuration, parsePercent } from '#src/config/units.ts';
import { buildPlan, type PlanOrigin, type PlanSettings } from '#src/core/rollout/plan.ts';
import type { RolloutPlan } from '#src/core/rollout/rollout-state.ts';
import { PPM } from '#src/limits.ts';
import type { ProblemMember } from './invalid-request.ts';
import type { RolloutStart } from './schemas.ts';

type MadePlan =
  | { readonly ok: true; readonly plan: RolloutPlan }
  | { readonly ok: false; readonly errors: readonly ProblemMember[] };

/** The member of the body that sets each part of a plan. */
const memberOf: Readonly<Record<keyof PlanSettings, string>> = {
  stepsPpm: 'steps',
  bakeMs: 'bake',
  stepTimeoutMs: 'stepTimeout',
  onInconclusive: 'onInconclusive',
  onBadRoute: 'onBadRoute',
  soakMs: 'soak',
  holdbackPpm: 'holdback',
};

/** Random id and salt of a new rollout. */
export const newRollout = (): Pick<PlanOrigin, 'id' | 'salt'> => ({
  id: randomUUID(),
  salt: randomInt(2 ** 32) | 0,
});

/** Fills what `given` leaves out from the config and checks the whole. Steps are percent. */
export function makePlan(config: Config['rollout'], given: RolloutStart, origin: PlanOrigin): MadePlan {
  const holdback = given.holdback === undefined ? undefined : shareToPpm(parsePercent(given.holdback));
  const built = buildPlan(
    config,
    {
      stepsPpm: given.steps?.map((percent) => Math.round((percent * PPM) / 100)),
      bakeMs: durationMs(given.bake),
      stepTimeoutMs: durationMs(given.stepTimeout),
      onInconclusive: given.onInconclusive,
      onBadRoute: given.onBadRoute,
      soakMs: durationMs(given.soak),
      holdbackPpm: holdback,
    },
    origin,
  );
  if (built.ok) return built;
  const errors = built.problems.map(({ setting, message }) => ({
    pointer: `#/${memberOf[setting]}`,
    detail: message,
  }));
  return { ok: false, errors };
}

/** Undefined when not given; NaN, which no plan accepts, when it is no duration. */
const durationMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : (parseDuration(text) ?? Number.NaN);

const shareToPpm = (share: number | null): number => (share === null ? Number.NaN : Math.round(share * PPM));
