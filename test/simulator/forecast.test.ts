// The forecasts of clean rollouts against what came: spans that are stated must hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutForecast, Span } from '#src/core/rollout/forecast.ts';
import { steady } from '#src/simulator/conditions.ts';
import type { Scenario } from '#src/simulator/scenario.ts';
import { scenarioByName } from '#src/simulator/scenarios/all-scenarios.ts';
import { randomOfRun, simulate } from '#src/simulator/simulation.ts';

const seed = 417;
const runs = 12;
const everySeconds = 5;

/** A span that was forecast, and how long it took, seconds. */
interface Told {
  readonly span: Span;
  readonly seconds: number;
}

interface Forecast {
  readonly second: number;
  readonly weightPpm: number;
  readonly forecast: RolloutForecast;
}

const clean = (perSecond: number, horizonSeconds: number): Scenario => {
  const scenario = scenarioByName.get('clean/errors-0.1');
  assert.ok(scenario !== undefined);
  return { ...scenario, traffic: steady({ errors: 0.001, perSecond }), horizonSeconds };
};

/** All forecasts of a run, each with when its step and the rollout ended. */
function runOnce(scenario: Scenario, run: number): { readonly steps: Told[]; readonly rollouts: Told[] } {
  const forecasts: Forecast[] = [];
  let lastSecond = Number.NEGATIVE_INFINITY;
  const { end, seconds, steps } = simulate(scenario, randomOfRun(seed, scenario.name, run), (moment) => {
    if (moment.second - lastSecond < everySeconds) return;
    lastSecond = moment.second;
    const forecast = moment.forecast();
    if (forecast !== null) forecasts.push({ second: moment.second, weightPpm: moment.weightPpm, forecast });
  });
  const stepEnd = (second: number): number => steps.find(([at]) => at > second)?.[0] ?? seconds;
  const told = (of: (forecast: RolloutForecast) => Span | null, endOf: (second: number) => number): Told[] =>
    end !== 'completed'
      ? []
      : forecasts.flatMap(({ second, forecast }) => {
          const span = of(forecast);
          return span === null ? [] : [{ span, seconds: endOf(second) - second }];
        });
  return {
    steps: told(({ step }) => step, stepEnd),
    rollouts: told(
      ({ rollout }) => rollout,
      () => seconds,
    ),
  };
}

const shareThatHeld = (all: readonly Told[]): number =>
  all.filter(({ span, seconds }) => seconds >= span.fromSeconds - 1 && seconds <= span.toSeconds + 1).length /
  all.length;

for (const [perSecond, horizonSeconds] of [
  [1000, 1500],
  [100, 8000],
] as const) {
  test(`spans of steps and of the rollout hold in about three of four cases, at ${perSecond} requests/s`, (t) => {
    const all = Array.from({ length: runs }, (_, run) => runOnce(clean(perSecond, horizonSeconds), run));
    const steps = all.flatMap((one) => one.steps);
    const rollouts = all.flatMap((one) => one.rollouts);
    t.diagnostic(`seed ${seed}: ${steps.length} of steps, ${rollouts.length} of rollouts`);
    assert.ok(
      steps.length > 200 && rollouts.length > 0.9 * steps.length,
      'nearly always there is a forecast',
    );
    const held = [shareThatHeld(steps), shareThatHeld(rollouts)];
    t.diagnostic(`held: ${held.map((share) => share.toFixed(2)).join(' and ')}`);
    for (const share of held) assert.ok(share > 0.65, `only ${share.toFixed(2)} held`);
    // A span that held always would say nothing.
    const widths = steps
      .map(({ span }) => span.toSeconds / Math.max(1, span.fromSeconds))
      .sort((a, b) => a - b);
    assert.ok((widths[widths.length >> 1] as number) < 12);
  });
}
