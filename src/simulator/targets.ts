// Targets for the decisions: each is a figure that is measured, and a bound for it.

import { countOf, quantileOf, type Results, upperBound95 } from './results.ts';
import { blipScenarios, cleanScenarios, stickyScenarios } from './scenarios/clean-scenarios.ts';
import type { RunOutcome } from './simulation.ts';

interface Measured {
  readonly figure: string;
  readonly kept: boolean;
}

interface Target {
  readonly name: string;
  readonly bound: string;
  /** What was measured; null when the scenario was not run. */
  measure(results: Results): Measured | null;
}

const reverted = ({ end }: RunOutcome): boolean => end === 'reverted';
const promoted = ({ promotedAfterSeconds }: RunOutcome): boolean => promotedAfterSeconds !== null;
export const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;
export const rounded = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '-';

function target(
  name: string,
  bound: string,
  scenario: string,
  measure: (runs: readonly RunOutcome[], results: Results) => Measured,
): Target {
  return {
    name,
    bound,
    measure: (results) => {
      const runs = results.runs(scenario);
      return runs.length === 0 ? null : measure(runs, results);
    },
  };
}

/** A target: `bad` happens in at most the share `max` of the runs. */
const rarely = (name: string, scenario: string, max: number, bad = reverted): Target =>
  target(name, `<= ${percent(max)}`, scenario, (runs) => {
    const hits = countOf(runs, bad);
    return {
      figure: `${hits} of ${runs.length} (95 % bound ${percent(upperBound95(hits, runs.length))})`,
      kept: hits <= max * runs.length,
    };
  });

const never = (name: string, scenario: string, bad: (run: RunOutcome) => boolean): Target =>
  target(name, 'never', scenario, (runs) => {
    const hits = countOf(runs, bad);
    return { figure: `${hits} of ${runs.length}`, kept: hits === 0 };
  });

const always = (name: string, scenario: string, good: (run: RunOutcome) => boolean): Target =>
  target(name, 'always', scenario, (runs) => {
    const hits = countOf(runs, good);
    return { figure: `${hits} of ${runs.length}`, kept: hits === runs.length };
  });

type Figure = 'seconds' | 'requestsY' | 'extraFailures' | 'promotedAfterSeconds';
const units: Readonly<Record<Figure, string>> = {
  seconds: 's',
  requestsY: 'requests on Y',
  extraFailures: 'requests',
  promotedAfterSeconds: 's',
};

/** The figure of each run; Infinity for runs that never got there. */
export function figuresOf(runs: readonly RunOutcome[], figure: Figure): number[] {
  if (figure === 'promotedAfterSeconds')
    return runs.map(({ promotedAfterSeconds }) => promotedAfterSeconds ?? Number.POSITIVE_INFINITY);
  if (figure === 'extraFailures') return runs.map(({ extraFailures }) => extraFailures);
  return runs.map((run) => (reverted(run) ? run[figure] : Number.POSITIVE_INFINITY));
}

const within = (name: string, scenario: string, figure: Figure, q: 0.5 | 0.95, max: number): Target =>
  target(`${name}, ${q === 0.5 ? 'median' : 'p95'}`, `<= ${max} ${units[figure]}`, scenario, (runs) => {
    const value = quantileOf(figuresOf(runs, figure), q);
    return { figure: `${rounded(value)} ${units[figure]}`, kept: value <= max };
  });

/** Median number of requests, as a multiple of that of a yardstick. */
function multiple(of: readonly number[], than: readonly number[], max: number): Measured | null {
  if (of.length === 0 || than.length === 0) return null;
  const [value, ideal] = [quantileOf(of, 0.5), quantileOf(than, 0.5)];
  const ratio = value / ideal;
  return { figure: `${rounded(ratio)} x (${rounded(value)} / ${rounded(ideal)})`, kept: ratio <= max };
}

const streamAgainstIdeal = (name: string, title: string): Target => ({
  name: `raw error stream, ${title}: median samples against the ideal test with the same tolerance`,
  bound: '<= 2.1 x above 500 samples, else 3 x',
  measure: (results) => {
    const ideal = results.yardstick(`ideal-tolerant/${name}`);
    const max = quantileOf(ideal, 0.5) > 500 ? 2.1 : 3;
    return multiple(results.yardstick(`stream/${name}`), ideal, max);
  },
});

const boundary = (name: string, title: string): Target => ({
  name: `false reverts of one stream at the boundary, ${title}`,
  bound: '<= 1 %',
  measure: (results) => {
    const runs = results.yardstick(`boundary/${name}`);
    if (runs.length === 0) return null;
    const hits = countOf(runs, Number.isFinite);
    return {
      figure: `${hits} of ${runs.length} (${percent(hits / runs.length)})`,
      kept: hits <= 0.01 * runs.length,
    };
  },
});

const falseReverts: readonly Target[] = [
  ...cleanScenarios.map(({ name, title }) => rarely(`false reverts: ${title}`, name, 0.01)),
  rarely('false reverts: 100 routes', 'routes/clean', 0.01),
  ...blipScenarios
    .filter(({ name }) => name !== 'clean/blips-5s-tolerance-1s')
    .map(({ name, title }) => rarely(`false reverts: ${title}`, name, 0.02)),
  ...stickyScenarios.map(({ name, title }) => rarely(`false reverts: ${title}`, name, 0.01)),
  boundary('1', '1 % on Y'),
  boundary('10', '10 % on Y'),
  boundary('50', '50 % on Y'),
  boundary('ramp', 'over a ramp'),
];

const detection: readonly Target[] = [
  within('5 % errors found', 'found/5', 'seconds', 0.95, 5),
  within('5 % errors after 300 s found', 'found/late-5', 'seconds', 0.95, 7),
  within('100 % errors found', 'found/100', 'seconds', 0.95, 3.5),
  within('errors 0.1 -> 0.6 % found', 'found/0.6', 'seconds', 0.95, 50),
  {
    name: 'errors 0.1 -> 0.6 % found: median samples against the ideal test',
    bound: '<= 3 x',
    measure: (results) => {
      const runs = figuresOf(results.runs('found/0.6'), 'requestsY');
      return multiple(runs, results.yardstick('ideal/0.6'), 3);
    },
  },
  within('errors 1 -> 2 % found', 'found/1-to-2', 'requestsY', 0.5, 4000),
  within('errors 1 -> 2 % found', 'found/1-to-2', 'requestsY', 0.95, 7500),
  streamAgainstIdeal('0.6', '0.1 -> 0.6 %'),
  streamAgainstIdeal('0.2', '0.1 -> 0.2 %'),
  streamAgainstIdeal('1-to-2', '1 -> 2 %'),
  streamAgainstIdeal('5', '0.1 -> 5 %'),
  within('1 request/s: 100 % errors found', 'found/1rps-100', 'requestsY', 0.95, 6),
  within('a route with 1 % of the traffic fails 50 %', 'routes/failing-1', 'seconds', 0.95, 30),
  within('a route with 0.1 % of the traffic fails 50 %', 'routes/failing-0.1', 'seconds', 0.95, 240),
  within('all latency +20 % found', 'found/slow-all', 'requestsY', 0.95, 5000),
  within('p99 +20 % found', 'found/slow-p99', 'requestsY', 0.95, 42_000),
  within('all latency +20 % found, timesX 1.05', 'found/slow-all-strict', 'requestsY', 0.95, 2000),
  within('p99 +20 % found, timesX 1.05', 'found/slow-p99-strict', 'requestsY', 0.95, 17_000),
  within('2 points of 200 -> 404 found', 'found/404', 'requestsY', 0.95, 8500),
];

/** The shipped warm-up, which is added to the bounds of clean rollouts. */
const graceSeconds = 45;

const rollouts: readonly Target[] = [
  within('clean rollout, errors 0.1 %', 'clean/errors-0.1', 'promotedAfterSeconds', 0.5, 240 + graceSeconds),
  within('clean rollout, errors 1 %', 'clean/errors-1', 'promotedAfterSeconds', 0.5, 330 + graceSeconds),
  ...(
    [
      ['worse/0.6', 'errors 0.1 -> 0.6 %'],
      ['worse/slow-p99', 'p99 +20 %'],
      ['worse/5', '5 % errors'],
      ['worse/404', '2 points of 200 -> 404'],
    ] as const
  ).map(([scenario, title]) => never(`wrongly promoted: ${title}`, scenario, promoted)),
  within('extra failed requests, errors 0.1 -> 0.6 %', 'worse/0.6', 'extraFailures', 0.95, 20),
  within('extra failed requests, 5 % errors', 'worse/5', 'extraFailures', 0.95, 10),
  within('extra failed requests, 100 % errors', 'worse/100', 'extraFailures', 0.95, 45),
];

const steppedDuring =
  (from: number, to: number) =>
  ({ steps }: RunOutcome): boolean =>
    steps.some(([second]) => second > from && second < to);

/** Whose fault it is, parked routes, what the analysis costs, late answers, restarts and several workers. */
const special: readonly Target[] = [
  rarely('false reverts: attribution kong, 5 % errors of the services', 'attribution/services', 0.01),
  always(
    'attribution kong, Y without the headers: holds and says so',
    'attribution/silent',
    ({ end, holds }) => end === 'running' && holds.includes('attribution'),
  ),
  within('attribution kong, 5 % errors of Kong found', 'found/kong', 'seconds', 0.95, 5),
  // At 1 %, with a request in ten seconds, the errors of all requests may be enough to revert before those of
  // the route are.
  never(
    'onBadRoute park, one bad route: another one parked, none, or reverted for anything else',
    'park/failing',
    ({ end, cause, parked }) =>
      end === 'reverted' ? cause !== 'route.route 0' : parked.join() !== 'route 0',
  ),
  rarely(
    'onBadRoute park, nothing wrong: parked or reverted',
    'park/clean',
    0.01,
    (run) => reverted(run) || run.parked.length > 0,
  ),
  {
    name: 'cost of the analysis: all streams with traffic, four ticks a second, median',
    bound: '<= 1 % of a core',
    measure: (results) => {
      const shares = results.yardstick('cost/analysis');
      if (shares.length === 0) return null;
      const share = quantileOf(shares, 0.5);
      return { figure: `${percent(share)} of a core`, kept: share <= 0.01 };
    },
  },
  rarely('false reverts: late errors over changes of the split', 'clean/late-errors', 0.01),
  rarely('false reverts: hangs on both clusters', 'clean/hangs', 0.01),
  // X's average takes two seconds to show it.
  never(
    'X alone unhealthy from 70 to 130 s: advanced between 72 and 130 s',
    'clean/x-unhealthy',
    steppedDuring(72, 130),
  ),
  always('X alone unhealthy: completes afterwards', 'clean/x-unhealthy', ({ end }) => end === 'completed'),
  always('control thread dies every 20 s: completes', 'clean/restarts', ({ end }) => end === 'completed'),
  always('three workers summed: completes', 'clean/workers', ({ end }) => end === 'completed'),
  always(
    'no conclusion in time, policy hold: stays and says so',
    'caps/hold',
    ({ end, holds }) => end === 'running' && holds.includes('inconclusive'),
  ),
  always(
    'no conclusion in time, policy revert: reverts for it',
    'caps/revert',
    ({ end, cause }) => end === 'reverted' && cause === 'inconclusive',
  ),
  within('100 % errors found, blipTolerance 5s', 'found/tolerant-100', 'seconds', 0.95, 16),
  within('2 % of requests never answered: found before their timeout', 'found/hangs', 'seconds', 0.95, 30),
  within('5 % of requests fail after 3 s: found', 'found/late-errors', 'seconds', 0.95, 12),
  within(
    'errors 0.1 -> 0.6 % found, control thread dies every 7 s',
    'found/0.6-restarts',
    'seconds',
    0.95,
    55,
  ),
  within('5 % errors found, three workers summed', 'found/5-workers', 'seconds', 0.95, 5),
];

const completed = ({ end }: RunOutcome): boolean => end === 'completed';

/** Tested twice: what passes does not revert; what stays does, after a minute and a second test. */
const retested: readonly Target[] = [
  always('Y twice as slow for 60 s, onWorse revert: reverts', 'retest/slow-minute-revert', reverted),
  always('Y twice as slow for 60 s, onWorse retest: completes', 'retest/slow-minute', completed),
  always('the same, control thread dies every 7 s: completes', 'retest/slow-minute-restarts', completed),
  always('4 points of 200 -> 404 for 60 s, onWorse retest: completes', 'retest/404-minute', completed),
  rarely('false reverts: errors 0.1 %, onWorse retest', 'retest/clean', 0.01),
  within('all latency +20 % found, onWorse retest', 'retest/slow-all', 'seconds', 0.95, 170),
  within('2 points of 200 -> 404 found, onWorse retest', 'retest/404', 'seconds', 0.95, 240),
];

export const targets: readonly Target[] = [
  ...falseReverts,
  ...detection,
  ...rollouts,
  ...special,
  ...retested,
];
