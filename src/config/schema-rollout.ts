// Sections of the schema about the rollout: its steps, and what counts as worse. schema-signals.ts has what
// it depends on besides the traffic: metrics, gates, windows and notifications.
import { Type } from 'typebox';
import { latencyQuantiles } from '#src/limits.ts';
import {
  choice,
  duration,
  factor,
  hints,
  percent,
  percentForms,
  positiveDuration,
  positiveDurationHints,
  positivePattern,
  section,
} from './schema-values.ts';
import { percentPattern } from './units.ts';

const steps = Type.Array(
  Type.Union(
    [Type.Number({ exclusiveMinimum: 0, maximum: 100 }), Type.String({ pattern: percentPattern })],
    hints('weight', "Y's share in percent, above 0 and at most 100, such as 5 or 0.5"),
  ),
  {
    default: [1, 5, 10, 25, 50, 100],
    minItems: 1,
    maxItems: 100,
    description: "Y's share in percent at each step: ascending, the last one 100.",
    ...hints('list of percentages', "a list of Y's shares in percent, such as [1, 5, 10, 25, 50, 100]"),
  },
);

export const rollout = section('How a rollout moves; a change counts from the next rollout on.', {
  autostart: Type.Boolean({
    default: false,
    description: 'Start a rollout when the process starts and none is recorded.',
    ...hints('`true` or `false`', 'true or false'),
  }),
  steps,
  bake: duration(
    '60s',
    'Shortest time at a step, however good the evidence; less than `10s` counts as `10s`.',
  ),
  stepTimeout: positiveDuration(
    '30m',
    'Longest time at a step without evidence either way; then `onInconclusive`.',
  ),
  onInconclusive: choice(['hold', 'revert'], 'hold', 'What happens then: stay at the step, or go back to X.'),
  onBadRoute: choice(
    ['revert', 'park'],
    'revert',
    'What happens when a single route has more errors on Y: the rollout goes back to X, or only that route does and the rest goes on. Of errors only: latency and status codes are compared over all routes, and revert.',
  ),
  soak: duration('10m', 'Time at full weight, with the holdback on X, before the rollout completes.'),
  holdback: percent('1%', 'Share that stays on X while soaking, for comparison. Above 0 and at most 50%.'),
});

const onWorse = (what: string) =>
  choice(
    ['revert', 'retest'],
    'revert',
    `What happens when ${what}: the rollout goes back to X, or it holds and tests that once more a minute later, for an incident to pass, and goes back only if Y is worse then.`,
  );

const latencyCaps = Object.fromEntries(
  latencyQuantiles.map((quantile) => [
    `p${Math.round(quantile * 100)}`,
    Type.Optional(
      Type.String({
        pattern: positivePattern,
        description: `Cap on Y's ${quantile * 100}th percentile.`,
        ...positiveDurationHints,
      }),
    ),
  ]),
);

export const thresholds = section('What "worse" means: how far Y may be from X.', {
  errorRate: section('Failures: 5xx, connect, reset, timeout, bodies cut short.', {
    timesX: factor(1.1, "Worse is above timesX × X's rate + overX."),
    overX: percent('0.02%', "Worse is above timesX × X's rate + overX."),
    max: Type.Union([Type.Literal('none'), ...percentForms], {
      default: '5%',
      description: "Cap on Y's rate, whatever X does.",
      ...hints('percentage or `none`', 'none, a percentage such as 5%, or a fraction below 1'),
    }),
  }),
  statusMix: section("Any status class's share of the responses.", {
    timesX: factor(1.25, "Worse is above timesX × X's share + overX."),
    overX: percent('0.2%', "Worse is above timesX × X's share + overX."),
    onWorse: onWorse('Y is worse'),
  }),
  latency: section('Time to the response head of requests that succeed, at p50, p75, p90, p95 and p99.', {
    timesX: factor(1.1, "Worse is above timesX × X's, and above X's + overX."),
    overX: duration(
      '2ms',
      "Worse is above X's + overX, and above timesX × X's. Matters where X's is below overX / (timesX - 1), 20 ms by default; parts of a millisecond count.",
    ),
    onWorse: onWorse('Y is slower; a cap reverts in either case'),
    max: Type.Object(latencyCaps, {
      additionalProperties: false,
      default: { p99: '2s' },
      description:
        "Caps on Y's quantiles, whatever X does; keys `p50`, `p75`, `p90`, `p95`, `p99`. Replaces the default as a whole.",
      ...hints('mapping', 'a mapping such as { p99: 2s }'),
    }),
  }),
  falseReverts: percent(
    '1%',
    'Accepted chance that a rollout of a Y that is not worse is reverted. Above 0 and at most 50%.',
  ),
  harm: percent(
    '0.1%',
    'Extra failures, as a share of all traffic, accepted if an advance was wrong. Above 0.',
  ),
  warmup: duration('45s', "How long a fresh Y's latency is not compared (cold caches)."),
  blipTolerance: choice(
    ['1s', '5s'],
    '1s',
    'How long trouble of one cluster alone may last without counting; `5s` finds failures later.',
  ),
  attribution: choice(
    ['all', 'kong'],
    'all',
    "Whose failures and time count: everybody's, or Kong's own. With `kong`, 5xx and slowness of the services behind are left out; needs `latency_tokens` in Kong's `headers`.",
  ),
});
