// Scenarios in which Y is worse than X: how soon it is found at a fixed weight, and how many requests a whole
// rollout costs.
import { type ArmConditions, combine, onBoth, onY, routes, steady, tellingMakers } from '../conditions.ts';
import { bimodalShape, lognormal, mixed, slower, usualShape } from '../latency-shape.ts';
import { fixedWeight, type Scenario, wholeRollout } from '../scenario.ts';

const base = steady({ errors: 0.001 });
const runs = 300;
type Change = (y: ArmConditions) => void;

const errors =
  (rate: number): Change =>
  (y) => {
    y.errors = rate;
  };
export const allSlower = slower(usualShape, 1.2);
export const tailSlower = slower(usualShape, 1.2, 0.98);
export const moreSlow = mixed(lognormal(20, 0.3), lognormal(300, 0.3), 0.3);
const allSlow: Change = (y) => {
  y.latency = allSlower;
};
const tailSlow: Change = (y) => {
  y.latency = tailSlower;
};
const slowMode: Change = (y) => {
  y.latency = moreSlow;
};
const notFound: Change = (y) => {
  y.notFound += 0.02;
};
const bimodal = steady({ errors: 0.001, latency: bimodalShape });

function found(
  name: string,
  title: string,
  change: Change,
  given: Partial<Omit<Scenario, 'plan' | 'thresholds'>> & {
    share?: number;
    thresholds?: Partial<Scenario['thresholds']>;
  } = {},
): Scenario {
  const { share = 0.1, traffic: under = base, onsetSecond = 0, ...rest } = given;
  return fixedWeight(share, {
    runs,
    ...rest,
    onsetSecond,
    name: `found/${name}`,
    title,
    traffic: combine(under, onY(change, onsetSecond)),
  });
}

const onePercent = steady({ errors: 0.01 });
const oneASecond = steady({ errors: 0.01, perSecond: 1 });
const strictLatency = { thresholds: { latency: { timesX: 1.05, overXMs: 2, maxMs: {} } } };

export const foundScenarios: readonly Scenario[] = [
  found('0.6', 'errors 0.1 -> 0.6 %', errors(0.006)),
  found('0.2', 'errors 0.1 -> 0.2 %', errors(0.002), { runs: 100 }),
  found('1-to-2', 'errors 1 -> 2 %', errors(0.02), { traffic: onePercent }),
  found('5', 'errors 0.1 -> 5 %', errors(0.05)),
  found('100', 'errors 0.1 -> 100 %', errors(1)),
  found('late-5', 'errors 0.1 -> 5 % after 300 s', errors(0.05), { onsetSecond: 300, runs: 150 }),
  found('late-100', 'errors 0.1 -> 100 % after 300 s', errors(1), { onsetSecond: 300, runs: 150 }),
  found('after-outage', 'errors 0.1 -> 0.6 % after 150 s, shared outage from 60 to 90 s', errors(0.006), {
    traffic: combine(
      base,
      onBoth(
        (arm) => {
          arm.errors = 0.3;
        },
        60,
        90,
      ),
    ),
    onsetSecond: 150,
    horizonSeconds: 750,
    runs: 150,
  }),
  found('slow-all', 'all latency +20 %', allSlow),
  found('slow-all-strict', 'all latency +20 %, timesX 1.05', allSlow, strictLatency),
  found('slow-p99', 'latency above p98 +20 %', tailSlow, { horizonSeconds: 900 }),
  found('slow-p99-strict', 'latency above p98 +20 %, timesX 1.05', tailSlow, strictLatency),
  found('slow-mode', 'slow mode 20 -> 30 % of the requests', slowMode, { traffic: bimodal }),
  found('404', '2 points of 200 -> 404', notFound),
  found('1rps-100', '1 request/s: errors 1 -> 100 %', errors(1), {
    traffic: oneASecond,
    horizonSeconds: 1800,
  }),
  found('1rps-20', '1 request/s: errors 1 -> 20 %', errors(0.2), {
    traffic: oneASecond,
    horizonSeconds: 1800,
  }),
  found('half-0.6', '50 % on Y: errors 0.1 -> 0.6 %', errors(0.006), { share: 0.5, runs: 150 }),
  found('half-5', '50 % on Y: errors 0.1 -> 5 %', errors(0.05), { share: 0.5, runs: 150 }),
  found('tolerant-100', 'errors 0.1 -> 100 %, blipTolerance 5s', errors(1), {
    thresholds: { blipToleranceMs: 5000 },
    runs: 150,
  }),
];

/** Late and missing answers, failures of Kong alone, and the product's own restarts and workers. */
export const moreFoundScenarios: readonly Scenario[] = [
  found('hangs', '2 % of requests never answered', (y) => {
    y.hanging = 0.02;
  }),
  found('late-errors', '5 % of requests fail after 3 s', (y) => {
    y.lateErrors = 0.05;
  }),
  found('kong', 'attribution: kong, errors of Kong 0.1 -> 5 %', errors(0.05), {
    traffic: combine(base, tellingMakers(true)),
    thresholds: { attribution: 'kong' },
    runs: 150,
  }),
  found('0.6-restarts', 'errors 0.1 -> 0.6 %, the control thread dies every 7 s', errors(0.006), {
    restartEverySeconds: 7,
    runs: 150,
  }),
  found('5-workers', 'errors 0.1 -> 5 %, three workers and the production sampler', errors(0.05), {
    workers: 3,
    runs: 60,
  }),
];

const worse = (name: string, title: string, change: Change, under = base, count = runs): Scenario =>
  wholeRollout({
    name: `worse/${name}`,
    title,
    traffic: combine(under, onY(change)),
    horizonSeconds: 1500,
    runs: count,
  });

/** Whole rollouts of a Y that is worse from the start. */
export const worseScenarios: readonly Scenario[] = [
  worse('0.6', 'errors 0.1 -> 0.6 %', errors(0.006)),
  worse('5', 'errors 0.1 -> 5 %', errors(0.05)),
  worse('100', 'errors 0.1 -> 100 %', errors(1)),
  worse('slow-all', 'all latency +20 %', allSlow, base, 100),
  worse('slow-p99', 'latency above p98 +20 %', tailSlow),
  worse('slow-mode', 'slow mode 20 -> 30 % of the requests', slowMode, bimodal, 100),
  worse('404', '2 points of 200 -> 404', notFound),
];

/** One route of many fails and all others are as good as on X. */
export const routeScenarios: readonly Scenario[] = [
  ...([0.01, 0.001] as const).map((share) =>
    fixedWeight(0.1, {
      name: `routes/failing-${share * 100}`,
      title: `a route with ${share * 100} % of the traffic fails 50 %`,
      traffic: combine(base, routes(50, { share, errors: 0.5 })),
      runs: 150,
    }),
  ),
  wholeRollout({
    name: 'routes/clean',
    title: '100 routes, errors 0.1 %',
    traffic: combine(base, routes(100)),
    horizonSeconds: 1500,
    runs: 300,
  }),
];

const parking = { onBadRoute: 'park' } as const;

/** With `onBadRoute: park`: bad routes are parked on X, and the rollout goes on. */
export const parkScenarios: readonly Scenario[] = [
  wholeRollout({
    name: 'park/failing',
    title: 'onBadRoute: park, a route with 1 % of the traffic fails 50 % on Y',
    traffic: combine(base, routes(50, { share: 0.01, errors: 0.5 })),
    plan: parking,
    horizonSeconds: 500,
    runs: 100,
  }),
  wholeRollout({
    name: 'park/clean',
    title: 'onBadRoute: park, 100 routes, errors 0.1 %',
    traffic: combine(base, routes(100)),
    plan: parking,
    horizonSeconds: 1500,
    runs: 150,
  }),
];
