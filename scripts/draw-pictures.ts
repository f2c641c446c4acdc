// Draws the pictures of docs/decisions.md by simulations of the real analysis with fixed seeds. The same
// analysis draws the same files, so a test can compare them. Run `npm run pictures` after a change of the
// analysis.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { combine, onBoth, onY, steady, type TrafficModel } from '#src/simulator/conditions.ts';
import { fixedWeight, type Scenario, wholeRollout } from '#src/simulator/scenario.ts';
import { type Moment, randomOfRun, simulate } from '#src/simulator/simulation.ts';
import { chartFile, type Line, type Panel } from './svg-chart.ts';

const seed = 1;
const base = steady({ errors: 0.001 });

function watch(scenario: Scenario): Moment[] {
  const moments: Moment[] = [];
  simulate(scenario, randomOfRun(seed, scenario.name, 0), (moment) => moments.push(moment));
  return moments;
}

const tenPercent = (name: string, horizonSeconds: number, ...parts: readonly TrafficModel[]): Moment[] =>
  watch(fixedWeight(0.1, { name, title: name, traffic: combine(base, ...parts), horizonSeconds }));

/** The stake as a power of ten: 0 at the start, 2 where it reverts at `falseReverts: 1%`. */
const stakes = (moments: readonly Moment[]): (readonly [number, number])[] =>
  moments.map(({ second, verdict }) => [second, (verdict?.logEvidence ?? 0) / Math.LN10]);

const stakePanel = (title: string, lines: readonly Line[], notes: Panel['notes'] = []): Panel => ({
  title,
  lines,
  bottom: -1,
  top: 2.5,
  ticks: [
    [-1, '÷ 10'],
    [0, '1'],
    [1, '× 10'],
    [2, '× 100'],
  ],
  bar: [2, 'revert'],
  notes,
});

/** The stake over time when Y is as good as X, a little worse, and much worse. */
function evidencePicture(): string {
  const seconds = 40;
  const worse = (name: string, errors: number) =>
    tenPercent(
      name,
      seconds,
      onY((y) => {
        y.errors = errors;
      }),
    );
  return chartFile('The stake against Y over 40 seconds, for three versions of Y', seconds, [
    stakePanel('The stake', [
      {
        name: 'Y as good as X: 0.1 % errors',
        kind: 'good',
        points: stakes(tenPercent('picture/good', seconds)),
      },
      { name: '0.6 %', kind: 'y', points: stakes(worse('picture/0.6', 0.006)) },
      { name: '5 %', kind: 'bad', points: stakes(worse('picture/5', 0.05)) },
    ]),
  ]);
}

/** Failures per second from counts that grow over a step. */
function errorShares(moments: readonly Moment[], arm: 'x' | 'y'): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [];
  let last = { requests: 0, failures: 0 };
  for (const { second, verdict } of moments) {
    const counts = verdict?.streams.find(({ stream }) => stream === 'errors')?.[arm];
    if (counts === undefined || second % 1 !== 0) continue;
    const requests = counts.requests - last.requests;
    points.push([second, requests === 0 ? 0 : (counts.failures - last.failures) / requests]);
    last = counts;
  }
  return points;
}

/** Errors of both clusters do not change the stake, errors of Y alone do. */
function outagePicture(): string {
  const seconds = 120;
  const outage = (arm: { errors: number }) => {
    arm.errors = 0.3;
  };
  const moments = tenPercent(
    'picture/outage',
    seconds,
    onBoth(outage, 30, 60),
    onY((y) => {
      y.errors = 0.05;
    }, 90),
  );
  const notes = [
    [30, 'both fail 30 %'],
    [90, 'Y alone: 5 %'],
  ] as const;
  return chartFile(
    'Errors of X and Y, and the stake: an outage that both share, then errors of Y alone',
    seconds,
    [
      {
        title: 'Errors',
        lines: [
          { name: 'X', kind: 'x', points: errorShares(moments, 'x') },
          { name: 'Y', kind: 'y', points: errorShares(moments, 'y') },
        ],
        bottom: 0,
        top: 0.4,
        ticks: [
          [0, '0'],
          [0.2, '20 %'],
          [0.4, '40 %'],
        ],
        notes,
      },
      stakePanel('The stake', [{ name: 'against Y', kind: 'bad', points: stakes(moments) }], notes),
    ],
  );
}

/** What is proven so far, as a share of what the next step takes, by the test that has proven least. */
function proof({ verdict }: Moment): number {
  const proven = (verdict?.streams ?? []).flatMap(({ logSafe }) => logSafe ?? []);
  if (verdict === null || proven.length === 0) return 0;
  return Math.min(1, Math.max(0, Math.min(...proven) / verdict.logSafeBar));
}

/** The share as a power of ten, so that small steps can be told apart. No traffic is at the bottom. */
const shareOf = (weightPpm: number): number => Math.max(smallestShare, Math.log10(weightPpm / 1e6));
const smallestShare = Math.log10(0.005);

const shares = (moments: readonly Moment[]): (readonly [number, number])[] =>
  moments.map(({ second, weightPpm }) => [second, shareOf(weightPpm)]);

/** A whole rollout of a good Y beside one of a worse Y. */
function rolloutPicture(): string {
  const seconds = 180;
  const rollout = (name: string, ...parts: readonly TrafficModel[]) =>
    watch(wholeRollout({ name, title: name, traffic: combine(base, ...parts), horizonSeconds: seconds }));
  const good = rollout('picture/rollout-good');
  const worse = rollout(
    'picture/rollout-worse',
    onY((y) => {
      y.errors = 0.006;
    }),
  );
  return chartFile('Share of Y over a whole rollout, for a good Y and for one with 0.6 % errors', seconds, [
    {
      title: 'Share of Y',
      lines: [
        { name: 'Y as good as X', kind: 'good', points: shares(good), isStep: true },
        { name: '0.6 % errors instead of 0.1 %', kind: 'bad', points: shares(worse), isStep: true },
      ],
      bottom: smallestShare,
      top: 0,
      ticks: [1, 5, 10, 25, 50, 100].map((percent) => [shareOf(percent * 10_000), `${percent} %`]),
      notes: [[45, 'warm-up over']],
    },
    {
      title: 'Proof for the next step',
      lines: [
        {
          name: 'that the good Y is not worse',
          kind: 'good',
          points: good.map((one) => [one.second, proof(one)]),
        },
      ],
      bottom: 0,
      top: 1,
      ticks: [
        [0, '0'],
        [0.5, '50 %'],
        [1, '100 %'],
      ],
      bar: [1, ''],
    },
  ]);
}

/** All pictures by file name. */
export const drawPictures = (): ReadonlyMap<string, string> =>
  new Map([
    ['evidence.svg', evidencePicture()],
    ['outage.svg', outagePicture()],
    ['rollout.svg', rolloutPicture()],
  ]);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = join(import.meta.dirname, '../docs/pictures');
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of drawPictures()) writeFileSync(join(folder, name), svg);
}
