// What a rollout is started with: the configured plan with the settings that the operator gave for this
// start, checked as a whole. Each thing that is wrong is one problem in the result, so that an operator sees
// all of them at once.
import { PPM } from '#src/limits.ts';
import type { RolloutPlan } from './rollout-state.ts';

/** The settings of a plan. The same shape as the config's `rollout`, of which it is a part. */
export interface PlanSettings {
  readonly stepsPpm: readonly number[];
  readonly bakeMs: number;
  readonly stepTimeoutMs: number;
  readonly onInconclusive: 'hold' | 'revert';
  readonly onBadRoute: 'revert' | 'park';
  readonly soakMs: number;
  readonly holdbackPpm: number;
}

/** Settings that the operator gave for this start. Those that are absent come from the config. */
export type PlanOverrides = { readonly [K in keyof PlanSettings]?: PlanSettings[K] | undefined };

/** Who started the rollout, when and why. */
export interface PlanOrigin {
  readonly id: string;
  readonly salt: number;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly reason: string;
}

interface PlanProblem {
  readonly setting: keyof PlanSettings;
  readonly message: string;
}

type PlanResult =
  | { readonly ok: true; readonly plan: RolloutPlan }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Steps of a rollout; more would be finer than any test can tell apart. */
const stepsMax = 100;
/** Largest share kept on X while soaking: more is a step, not a holdback. */
const holdbackPpmMax = PPM / 2;

const percent = (ppm: number): string => `${ppm / 10_000} %`;

/** Y's share while soaking: everything but the holdback. */
export const soakWeightPpm = (plan: PlanSettings): number => PPM - plan.holdbackPpm;

/** The plan, or everything that is wrong with it. */
export function buildPlan(defaults: PlanSettings, overrides: PlanOverrides, origin: PlanOrigin): PlanResult {
  const settings: PlanSettings = {
    stepsPpm: [...(overrides.stepsPpm ?? defaults.stepsPpm)],
    bakeMs: overrides.bakeMs ?? defaults.bakeMs,
    stepTimeoutMs: overrides.stepTimeoutMs ?? defaults.stepTimeoutMs,
    onInconclusive: overrides.onInconclusive ?? defaults.onInconclusive,
    onBadRoute: overrides.onBadRoute ?? defaults.onBadRoute,
    soakMs: overrides.soakMs ?? defaults.soakMs,
    holdbackPpm: overrides.holdbackPpm ?? defaults.holdbackPpm,
  };
  const problems = planProblems(settings);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, plan: { ...origin, ...settings } };
}

/** Everything that is wrong with the settings of a plan; empty when nothing is. */
export function planProblems(settings: PlanSettings): readonly PlanProblem[] {
  const steps = stepProblems(settings.stepsPpm);
  return [...steps, ...timeProblems(settings), ...(steps.length === 0 ? holdbackProblems(settings) : [])];
}

function stepProblems(steps: readonly number[]): PlanProblem[] {
  const problem = (message: string): PlanProblem => ({ setting: 'stepsPpm', message });
  if (steps.length === 0) return [problem('a rollout needs at least one step')];
  if (steps.length > stepsMax) return [problem(`${steps.length} steps are more than ${stepsMax}`)];
  const problems: PlanProblem[] = [];
  for (const [i, step] of steps.entries()) {
    const before = steps[i - 1];
    if (!Number.isInteger(step) || step < 1 || step > PPM)
      problems.push(problem(`step ${i + 1} is ${percent(step)}; a step is from 0.0001 % to 100 %`));
    else if (before !== undefined && step <= before)
      problems.push(problem(`step ${i + 1} is ${percent(step)}, not above ${percent(before)} before it`));
  }
  const last = steps.at(-1);
  if (last !== undefined && last !== PPM)
    problems.push(problem(`the last step is ${percent(last)}, not 100 %`));
  return problems;
}

function timeProblems(settings: PlanSettings): PlanProblem[] {
  const problems: PlanProblem[] = [];
  for (const setting of ['bakeMs', 'stepTimeoutMs', 'soakMs'] as const) {
    const ms = settings[setting];
    if (!Number.isFinite(ms) || ms < 0) problems.push({ setting, message: `${ms} ms is not a duration` });
  }
  if (problems.length === 0 && settings.stepTimeoutMs <= settings.bakeMs)
    problems.push({
      setting: 'stepTimeoutMs',
      message: `a step would time out after ${settings.stepTimeoutMs} ms, before its bake of ${settings.bakeMs} ms is over`,
    });
  return problems;
}

function holdbackProblems(settings: PlanSettings): PlanProblem[] {
  const { holdbackPpm, stepsPpm } = settings;
  const setting = 'holdbackPpm';
  if (!Number.isInteger(holdbackPpm) || holdbackPpm < 0 || holdbackPpm > holdbackPpmMax)
    return [{ setting, message: `${percent(holdbackPpm)} is not from 0 % to ${percent(holdbackPpmMax)}` }];
  const before = stepsPpm.at(-2);
  if (before === undefined || soakWeightPpm(settings) > before) return [];
  const message = `soaking with ${percent(holdbackPpm)} on X would give Y no more than the ${percent(before)} of the step before`;
  return [{ setting, message }];
}
