// Scenarios with `onWorse: retest`: incidents of Y's machines that pass, and a Y that stays worse.
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { type ArmConditions, combine, onY, steady, type TrafficModel } from '../conditions.ts';
import { productDefaults } from '../product-defaults.ts';
import { fixedWeight, type Scenario, wholeRollout } from '../scenario.ts';
import { allSlower } from './failing-scenarios.ts';

const base = steady({ errors: 0.001 });
const { latency, statusMix } = productDefaults.thresholds;
const retest: Partial<AnalysisThresholds> = {
  latency: { ...latency, onWorse: 'retest' },
  statusMix: { ...statusMix, onWorse: 'retest' },
};

/** Changes Y alone, for a minute. */
const incident =
  (change: (y: ArmConditions) => void, fromSecond: number): TrafficModel =>
  () =>
  (second, now) => {
    if (second >= fromSecond && second < fromSecond + 60) change(now.y);
  };

const twiceAsSlow = incident((y) => {
  y.slowdown *= 2;
}, 100);

const rollout = (
  name: string,
  title: string,
  during: TrafficModel,
  given: Partial<Scenario> = {},
): Scenario =>
  wholeRollout({
    name: `retest/${name}`,
    title,
    traffic: combine(base, during),
    thresholds: retest,
    horizonSeconds: 1500,
    runs: 100,
    ...given,
  });

const slow = 'Y twice as slow for 60 s';
const drift = '4 points of 200 -> 404 on Y for 60 s';
const notFound = (y: ArmConditions): void => {
  y.notFound += 0.04;
};

/** Whole rollouts of a Y that is as good as X except for a minute. */
export const incidentScenarios: readonly Scenario[] = [
  rollout('slow-minute-revert', `${slow}, onWorse: revert`, twiceAsSlow, {
    thresholds: productDefaults.thresholds,
  }),
  rollout('slow-minute', `${slow}, onWorse: retest`, twiceAsSlow),
  rollout(
    'slow-minute-restarts',
    `${slow}, onWorse: retest, the control thread dies every 7 s`,
    twiceAsSlow,
    {
      restartEverySeconds: 7,
      runs: 60,
    },
  ),
  rollout('404-minute', `${drift}, onWorse: retest`, incident(notFound, 100)),
  rollout('clean', 'errors 0.1 %, onWorse: retest', () => () => {}),
];

const found = (name: string, title: string, change: (y: ArmConditions) => void): Scenario =>
  fixedWeight(0.1, {
    name: `retest/${name}`,
    title,
    traffic: combine(base, onY(change)),
    thresholds: retest,
    runs: 150,
  });

/** A Y that stays worse, at one weight: how much later it is found when it is tested twice. */
export const retestedScenarios: readonly Scenario[] = [
  found('slow-all', 'all latency +20 %, onWorse: retest', (y) => {
    y.latency = allSlower;
  }),
  found('404', '2 points of 200 -> 404, onWorse: retest', (y) => {
    y.notFound += 0.02;
  }),
];
