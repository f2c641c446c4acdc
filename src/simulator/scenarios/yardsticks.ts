// What the product is compared with: the ideal test for each regression, and its own test of errors by itself
// on a Y that is exactly as bad as is still allowed.
import type { Random } from '#src/base/random.ts';
import { analysisCost } from '../analysis-cost.ts';
import type { LatencyShape } from '../latency-shape.ts';
import { bimodalShape, usualShape } from '../latency-shape.ts';
import { sprtSamples, streamSamples } from '../oracle.ts';
import { productDefaults } from '../product-defaults.ts';
import { allSlower, moreSlow, tailSlower } from './failing-scenarios.ts';

const { timesX, overX } = productDefaults.thresholds.errorRate;
const rates = (share: number): readonly number[] => [1 - share, share];
const allowed = (pX: number): number => timesX * pX + overX;

/**
 * One number for each run: requests on Y until the end, Infinity when there was none. For the cost, a share
 * of a core.
 */
export interface Yardstick {
  readonly name: string;
  readonly runs: number;
  run(random: Random): number;
}

const ideal = (name: string, x: ArrayLike<number>, y: ArrayLike<number>): Yardstick => ({
  name,
  runs: 1000,
  run: (random) => sprtSamples(random, x, y),
});

const idealLatency = (name: string, x: LatencyShape, y: LatencyShape): Yardstick =>
  ideal(name, x.shares, y.shares);

const errorPairs = [
  ['0.6', 0.001, 0.006],
  ['0.2', 0.001, 0.002],
  ['1-to-2', 0.01, 0.02],
  ['5', 0.001, 0.05],
  ['100', 0.001, 1],
] as const;

/** The test of errors by itself, at 10 % of 1,000 requests/s. */
const stream = (name: string, pX: number, pY: number): Yardstick => ({
  name: `stream/${name}`,
  runs: 300,
  run: (random) =>
    streamSamples({
      random,
      pX: () => pX,
      pY: () => pY,
      weight: () => 0.1,
      seconds: 2000,
      perSecond: 1000,
      timesX,
      over: overX,
    }),
});

/** Y exactly at the boundary, where the test may be wrong as often as promised. */
const boundary = (
  name: string,
  pX: (second: number) => number,
  weight: (second: number) => number,
): Yardstick => ({
  name: `boundary/${name}`,
  runs: 2000,
  run: (random) =>
    streamSamples({
      random,
      pX,
      pY: allowed,
      weight,
      seconds: 600,
      perSecond: 1000,
      timesX,
      over: overX,
    }),
});

const even = (): number => 0.001;
/** An error rate that varies between a third and three times 0.5 %, with a period of five minutes. */
const swinging = (second: number): number => 0.005 * 3 ** Math.sin((2 * Math.PI * second) / 300);
const ramp = (second: number): number =>
  [0.01, 0.05, 0.1, 0.25, 0.5][Math.min(4, Math.floor(second / 120))] ?? 0.5;

export const yardsticks: readonly Yardstick[] = [
  ...errorPairs.flatMap(([name, pX, pY]) => [
    ideal(`ideal/${name}`, rates(pX), rates(pY)),
    ideal(`ideal-tolerant/${name}`, rates(allowed(pX)), rates(pY)),
    stream(name, pX, pY),
  ]),
  idealLatency('ideal/slow-all', usualShape, allSlower),
  idealLatency('ideal/slow-p99', usualShape, tailSlower),
  idealLatency('ideal/slow-mode', bimodalShape, moreSlow),
  boundary('1', even, () => 0.01),
  boundary('10', even, () => 0.1),
  boundary('50', even, () => 0.5),
  boundary('ramp', swinging, ramp),
  boundary(
    '30-percent',
    () => 0.3,
    () => 0.1,
  ),
  { name: 'cost/analysis', runs: 9, run: analysisCost },
];

export const yardstickByName: ReadonlyMap<string, Yardstick> = new Map(
  yardsticks.map((yardstick) => [yardstick.name, yardstick]),
);
