// Scenarios in which Y is as good as X, with everything that traffic does by itself. None of them may be
// reverted.
import {
  blips,
  coldStart,
  combine,
  diurnal,
  evenBlips,
  heavyUsers,
  onBoth,
  onX,
  onY,
  sharedOutages,
  steady,
  type TrafficModel,
  tellingMakers,
  wandering,
} from '../conditions.ts';
import { bimodalShape, narrowShape } from '../latency-shape.ts';
import { fixedWeight, type Scenario, wholeRollout } from '../scenario.ts';

const base = steady({ errors: 0.001 });
const runs = 1000;

const rollout = (name: string, title: string, ...parts: readonly TrafficModel[]): Scenario =>
  wholeRollout({ name: `clean/${name}`, title, traffic: combine(...parts), horizonSeconds: 1500, runs });

/** At one request a second no step ends within an hour; the scenario shows that none is reverted. */
const oneARequestASecond = (name: string, title: string, share: number): Scenario =>
  fixedWeight(share, {
    name: `clean/${name}`,
    title,
    traffic: steady({ errors: 0.01, perSecond: 1 }),
    horizonSeconds: 1800,
    runs,
  });

export const cleanScenarios: readonly Scenario[] = [
  rollout('errors-0.01', 'errors 0.01 %', steady({ errors: 0.0001 })),
  rollout('errors-0.1', 'errors 0.1 %', base),
  rollout('errors-1', 'errors 1 %', steady({ errors: 0.01 })),
  rollout('bimodal', 'bimodal latency', steady({ errors: 0.001, latency: bimodalShape })),
  rollout('narrow', 'very narrow latency', steady({ errors: 0.001, latency: narrowShape })),
  rollout('shared-outages', 'shared outages (30 % errors, 2.5 x latency, 5 to 25 s)', base, sharedOutages),
  rollout('wandering', 'errors and latency wander together (AR(1))', base, wandering),
  rollout('diurnal', 'load, errors and latency swing', base, diurnal),
  rollout('cold-start', 'Y starts cold (3 x latency, 30 s)', base, coldStart),
  oneARequestASecond('1rps-10', '1 request/s, errors 1 %, 10 % on Y, 30 min', 0.1),
  oneARequestASecond('1rps-50', '1 request/s, errors 1 %, 50 % on Y, 30 min', 0.5),
];

const burstOfErrors = (arm: { errors: number }): void => {
  arm.errors = 0.2;
};

/** Short bursts on one cluster alone; the longer ones are for `blipTolerance: 5s`. */
export const blipScenarios: readonly Scenario[] = [
  rollout(
    'blips-errors',
    '1-s bursts of 20 % errors on each cluster, 1/min',
    base,
    blips(60, 1, burstOfErrors),
  ),
  rollout(
    'blips-latency',
    '1-s bursts of 3 x latency on each cluster, 2/min',
    base,
    blips(30, 1, (arm) => {
      arm.slowdown *= 3;
    }),
  ),
  rollout(
    'blips-errors-even',
    '1-s bursts of 20 % errors on each cluster, every minute',
    base,
    evenBlips(60, 1, burstOfErrors),
  ),
  ...[1000, 5000].map((blipToleranceMs) =>
    wholeRollout({
      name: `clean/blips-5s-tolerance-${blipToleranceMs / 1000}s`,
      title: `5-s bursts of 10 % errors on each cluster, 1 in 2 min, blipTolerance ${blipToleranceMs / 1000}s`,
      traffic: combine(
        base,
        blips(120, 5, (arm) => {
          arm.errors = 0.1;
        }),
      ),
      thresholds: { blipToleranceMs: blipToleranceMs === 1000 ? 1000 : 5000 },
      horizonSeconds: 1500,
      runs: 200,
    }),
  ),
  wholeRollout({
    name: 'clean/blips-5s-even-tolerance-5s',
    title: '5-s bursts of 10 % errors on each cluster, every 2 min, blipTolerance 5s',
    traffic: combine(
      base,
      evenBlips(120, 5, (arm) => {
        arm.errors = 0.1;
      }),
    ),
    thresholds: { blipToleranceMs: 5000 },
    horizonSeconds: 1500,
    runs: 200,
  }),
  {
    ...wholeRollout({
      name: 'clean/blips-errors-long',
      title: '1-s bursts of 20 % errors on each cluster, 1/min, bake of 60 s and soak of 10 min',
      traffic: combine(base, blips(60, 1, burstOfErrors)),
      plan: { bakeMs: 60_000, soakMs: 600_000 },
      horizonSeconds: 2400,
    }),
    runs: 100,
  },
];

/** Late and missing answers, a failing X, and the product's own restarts and workers. */
export const disturbedScenarios: readonly Scenario[] = [
  {
    ...rollout(
      'late-errors',
      '1 % of requests fail after 3 s on both, over changes of the split',
      steady({ errors: 0.001 }),
      onBoth(
        (arm) => {
          arm.lateErrors = 0.01;
        },
        -1e9,
        1e9,
      ),
    ),
    runs: 200,
  },
  {
    ...rollout(
      'hangs',
      '0.2 % of requests never answered on both',
      base,
      onBoth(
        (arm) => {
          arm.hanging = 0.002;
        },
        -1e9,
        1e9,
      ),
    ),
    runs: 400,
  },
  {
    ...rollout(
      'x-unhealthy',
      'X alone fails 30 % from 70 to 130 s',
      base,
      onX(
        (x) => {
          x.errors = 0.3;
        },
        70,
        130,
      ),
    ),
    runs: 100,
  },
  { ...rollout('restarts', 'the control thread dies every 20 s', base), restartEverySeconds: 20, runs: 100 },
  { ...rollout('workers', 'three workers, summed by the production sampler', base), workers: 3, runs: 40 },
];

const ofKong = { attribution: 'kong' } as const;
const servicesFail = onY((y) => {
  y.serviceErrors = 0.05;
});

/**
 * With `attribution: kong`: failures of the services behind Y are no reason to revert, and without Kong's
 * headers nothing advances.
 */
export const attributionScenarios: readonly Scenario[] = [
  wholeRollout({
    name: 'attribution/services',
    title: 'attribution: kong, 5 % errors of the services behind Y',
    traffic: combine(base, tellingMakers(true), servicesFail),
    thresholds: ofKong,
    horizonSeconds: 1500,
    runs: 100,
  }),
  wholeRollout({
    name: 'attribution/silent',
    title: 'attribution: kong, 5 % errors behind a Y without the headers that tell',
    traffic: combine(base, tellingMakers(false), servicesFail),
    thresholds: ofKong,
    horizonSeconds: 300,
    runs: 50,
  }),
];

/**
 * Sticky routing with users who fail on either cluster. A revert would be because of them, not because of Y.
 */
export const stickyScenarios: readonly Scenario[] = [1, 4].map((users) =>
  fixedWeight(0.1, {
    name: `sticky/heavy-${users}`,
    title: `sticky, ${users} heavy user${users > 1 ? 's' : ''} with 1 % of the requests, 20 % of them failing, 10 % on Y`,
    traffic: combine(base, heavyUsers(users, 0.01, 0.2)),
    runs: 200,
  }),
);

const scarce = (policy: 'hold' | 'revert'): Scenario =>
  wholeRollout({
    name: `caps/${policy}`,
    title: `1 request/s, no conclusion within 2 min, onInconclusive: ${policy}`,
    traffic: steady({ errors: 0.01, perSecond: 1 }),
    plan: { stepTimeoutMs: 120_000, onInconclusive: policy },
    horizonSeconds: 300,
    runs: 50,
  });

export const capScenarios: readonly Scenario[] = [scarce('hold'), scarce('revert')];
