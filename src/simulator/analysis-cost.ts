// Measures what the analysis costs: the share of a core that it takes with traffic on every stream. Of all
// figures of a simulation only this one depends on the machine and on what else runs there.
import type { Random } from '#src/base/random.ts';
import { Assessor } from '#src/control-plane/rollout/assessor.ts';
import { PPM, tickMs } from '#src/limits.ts';
import { combine, routes, steady } from './conditions.ts';
import { productDefaults } from './product-defaults.ts';
import { SimulatedSplit } from './simulated-split.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';

/**
 * Ticks before the measured ones, in which X becomes known and code is compiled; and ticks that are measured.
 */
const warmTicks = 400;
const measuredTicks = 400;

/**
 * Share of a core at four ticks a second, with 10 % of the requests on Y and more routes than are tracked.
 */
export function analysisCost(random: Random): number {
  const split = new SimulatedSplit();
  let nowMs = 0;
  const assessor = new Assessor({ ...productDefaults.thresholds, warmupMs: 0 }, () => nowMs);
  const traffic = new SimulatedTraffic({
    random,
    setConditions: combine(steady({ errors: 0.001 }), routes(100))(random),
    split,
    slowThresholdMs: (arm, index) => assessor.slowThresholdMs(arm, index),
    startMs: 0,
  });
  split.publish(PPM / 10, 0);
  assessor.resetRollout();
  assessor.resetStep(PPM / 4);
  let spentMs = 0;
  for (let tick = 1; tick <= warmTicks + measuredTicks; tick++) {
    nowMs = tick * tickMs;
    const sample = traffic.sample(nowMs);
    const beganMs = performance.now();
    assessor.update(sample);
    assessor.assess({ phase: 'idle', weightPpm: PPM / 10 });
    if (tick > warmTicks) spentMs += performance.now() - beganMs;
  }
  return spentMs / (measuredTicks * tickMs);
}
