// Runs a scenario with the decisions of another tool, on the same traffic and seeds as Crossover.
import type { Random } from '#src/base/random.ts';
import { PPM, tickMs } from '#src/limits.ts';
import { type BaselineName, createBaseline } from './baselines.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedSplit } from './simulated-split.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';

export interface BaselineOutcome {
  readonly end: 'promoted' | 'reverted' | 'running';
  /** Seconds from when Y became worse, or from Y's first traffic. */
  readonly seconds: number;
  readonly requestsY: number;
  readonly extraFailures: number;
}

/** Shortest time at a step in whole rollouts; a minute is usual for these tools. */
const stepSeconds = 60;

/**
 * Runs a scenario with one tool's decisions. At a fixed weight it can only revert. In a whole rollout it goes
 * up one step when its checks pass, at most once a minute.
 */
export function simulateBaseline(scenario: Scenario, name: BaselineName, random: Random): BaselineOutcome {
  const split = new SimulatedSplit();
  const traffic = new SimulatedTraffic({
    random,
    setConditions: scenario.traffic(random),
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
