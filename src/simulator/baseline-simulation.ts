// Runs of a scenario under a baseline, on the same climates and seeds as Crossover's.
import type { Random } from '#src/base/random.ts';
import { PPM, tickMs } from '#src/limits.ts';
import { type BaselineName, createBaseline } from './baselines.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedSplit } from './simulated-split.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';

export interface BaselineOutcome {
  readonly end: 'promoted' | 'reverted' | 'running';
  /** From the onset, or Y's first traffic. */
  readonly seconds: number;
  readonly requestsY: number;
  readonly extraFailures: number;
}

/** A minute per step, as is usual where a baseline runs a whole rollout. */
const stepSeconds = 60;

/**
 * Runs a scenario under one baseline. At a fixed weight it can only revert; over a rollout it goes up a step when its checks
 * pass, and at most one a minute.
 */
export function simulateBaseline(scenario: Scenario, name: BaselineName, random: Random): BaselineOutcome {
  const split = new SimulatedSplit();
  const traffic = new SimulatedTraffic({
    random,
    weather: scenario.climate(random),
    split,
    slowThresholdMs: () => Number.POSITIVE_INFINITY,
    startMs: 0,
  });
  const { stepsPpm, bakeMs } = scenario.plan;
  const fixed = bakeMs > scenario.horizonSeconds * 1000;
  const baseline = createBaseline(name);
  let step = 0;
  let stepSince = 0;
  let requestsBefore = 0;
  split.publish(stepsPpm[0] ?? PPM, 0);
  const outcome = (end: BaselineOutcome['end'], second: number): BaselineOutcome => ({
    end,
    seconds: second - scenario.onsetSecond,
    requestsY: traffic.sent.requestsY - requestsBefore,
    extraFailures: traffic.sent.failuresY - traffic.sent.expectedFailuresY,
  });
  for (let ms = tickMs; ms <= scenario.horizonSeconds * 1000; ms += tickMs) {
    const second = ms / 1000;
    if (second <= scenario.onsetSecond) requestsBefore = traffic.sent.requestsY;
    const verdict = baseline.take(traffic.sample(ms), second);
    if (verdict === 'revert') return outcome('reverted', second);
    if (fixed || verdict !== 'pass' || second - stepSince < stepSeconds) continue;
    step++;
    stepSince = second;
    const weightPpm = stepsPpm[step] ?? PPM;
    if (weightPpm === PPM) return outcome('promoted', second);
    split.publish(weightPpm, 0);
  }
  return outcome('running', scenario.horizonSeconds);
}
