// Sections of the schema about what a rollout depends on besides its traffic: business metrics, gates, change
// windows and notifications, and which addresses may be called for them.
import { Type } from 'typebox';
import { signalsMax } from '#src/limits.ts';
import { choice, hints, integer, percentForms, positiveDuration, secret, section } from './schema-values.ts';
import { gatePoints, notifiedTransitions, signalDefaults, weekdays } from './signal-terms.ts';

const name = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  description: 'Unique in its list; shown in status, events and metrics.',
  ...hints('name', 'a name of 1 to 63 lower-case letters, digits and dashes'),
});

const optionalUrl = (description: string) =>
  Type.Optional(Type.String({ description, ...hints('URL', 'an http:// or https:// URL') }));
const optionalText = (description: string, type = 'text', expected = 'a text') =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description, ...hints(type, expected) }));
const optionalNumber = (description: string) =>
  Type.Optional(Type.Number({ description, ...hints('number', 'a number') }));
const closed = { additionalProperties: false } as const;

const prometheus = optionalUrl('Base URL of the Prometheus server that `promql` is sent to.');
const bearer = Type.Optional(secret('Bearer token sent to the source. Empty: none.'));
const min = optionalNumber('Lowest value that is right.');
const max = optionalNumber('Highest value that is right.');

const metric = Type.Object(
  {
    name,
    promql: optionalText(
      'Query that gives one number; `{{cluster}}` is `x` or `y`, `{{label}}` the label of the cluster.',
      'PromQL',
      'a PromQL query',
    ),
    prometheus,
    webhook: optionalUrl('URL that answers a GET with JSON; `{{cluster}}` and `{{label}}` are filled in.'),
    pointer: Type.Optional(
      Type.String({
        pattern: '^(/([^~/]|~[01])*)*$',
        description: "Where in the webhook's answer the number is, as a JSON pointer (RFC 6901).",
        ...hints('JSON pointer', 'a JSON pointer such as /data/ordersPerMinute'),
      }),
    ),
    pushed: Type.Optional(
      Type.Enum(['values', 'trials'], {
        description:
          'Samples come by `POST /v1/metrics/{name}`: plain `values`, or successes out of `trials`, which are tested like errors.',
        ...hints('`values` or `trials`', 'values or trials'),
      }),
    ),
    token: bearer,
    min,
    max,
    worse: Type.Optional(
      choice(['higher', 'lower'], 'higher', 'Which way is worse when Y is compared with X.'),
    ),
    timesX: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1000,
        description: 'Y is worse beyond timesX × X ± overX; 1 when only `overX` is given.',
        ...hints('number', 'a number above 0'),
      }),
    ),
    overX: Type.Optional(
      Type.Union([Type.Number({ minimum: 0 }), percentForms[0]], {
        description:
          'Y is worse beyond timesX × X ± overX: in the unit of the value, for `trials` a share; 0 when only `timesX` is given.',
        ...hints('number or percentage', 'a number of at least 0, or for trials a percentage such as 0.5%'),
      }),
    ),
    interval: Type.Optional(
      positiveDuration(
        signalDefaults.metric.interval,
        'Time between evaluations; for pushed samples, how often they come. None for three times as long holds.',
      ),
    ),
    timeout: Type.Optional(positiveDuration(signalDefaults.metric.timeout, 'How long the source may take.')),
    onViolation: Type.Optional(
      choice(
        ['hold', 'revert'],
        'hold',
        'What a violation does: nothing advances, or the rollout goes back.',
      ),
    ),
    failuresInARow: Type.Optional(
      integer(
        1,
        1000,
        signalDefaults.metric.failuresInARow,
        'Violated evaluations in a row before it goes back.',
      ),
    ),
  },
  {
    ...closed,
    description: 'One business metric.',
    ...hints('mapping', 'a metric: a mapping with name, a source and a rule'),
  },
);

const point = Type.Enum([...gatePoints], {
  description: 'A point of the rollout.',
  ...hints('point', `one of ${gatePoints.join(', ')}`),
});

const pointList = Type.Array(point, {
  minItems: 1,
  uniqueItems: true,
  ...hints('list of points', `a list of ${gatePoints.join(', ')}`),
});

const gate = Type.Object(
  {
    name,
    at: Type.Union([point, pointList], {
      description: `Where it stands: ${gatePoints.map((at) => `\`${at}\``).join(', ')}; one or a list.`,
      ...hints('point or list of points', `one of ${gatePoints.join(', ')}, or a list of them`),
    }),
    webhook: optionalUrl('URL that is asked by POST: 2xx is go, anything else holds.'),
    secret: Type.Optional(secret('Key of the signature in `X-Crossover-Signature`. Empty: not signed.')),
    promql: optionalText('Query that gives one number within `min` and `max`.', 'PromQL', 'a PromQL query'),
    prometheus,
    token: bearer,
    min,
    max,
    approval: Type.Optional(
      Type.Enum(['manual'], {
        description: 'Somebody approves by `POST /v1/rollout/approve`, for this one step.',
        ...hints('`manual`', 'manual'),
      }),
    ),
    interval: Type.Optional(
      positiveDuration(signalDefaults.gate.interval, 'When it is asked again while it holds.'),
    ),
    timeout: Type.Optional(positiveDuration(signalDefaults.gate.timeout, 'How long an answer may take.')),
    retries: Type.Optional(
      integer(
        0,
        10,
        signalDefaults.gate.retries,
        'Further attempts at once when nobody answers or with 5xx.',
      ),
    ),
  },
  {
    ...closed,
    description: 'One gate.',
    ...hints('mapping', 'a gate: a mapping with name, at and what is asked'),
  },
);

const notification = Type.Object(
  {
    name,
    webhook: optionalUrl('URL that gets each transition as JSON by POST.'),
    secret: Type.Optional(secret('Key of the signature in `X-Crossover-Signature`. Empty: not signed.')),
    slack: Type.Optional(secret('Incoming-webhook URL of Slack, or of what understands the same.')),
    pagerduty: Type.Optional(
      secret(
        'Routing key of PagerDuty (Events v2): an alert on a revert, resolved by the next start or a completion.',
      ),
    ),
    endpoint: optionalUrl(`Where PagerDuty events go; \`${signalDefaults.pagerdutyUrl}\` by default.`),
    on: Type.Optional(
      Type.Array(
        Type.Enum([...notifiedTransitions], {
          description: 'A transition.',
          ...hints('transition', `one of ${notifiedTransitions.join(', ')}`),
        }),
        {
          minItems: 1,
          uniqueItems: true,
          description: `Transitions to tell of: ${notifiedTransitions.map((one) => `\`${one}\``).join(', ')}; all by default.`,
          ...hints('list of transitions', `a list of ${notifiedTransitions.join(', ')}`),
        },
      ),
    ),
  },
  {
    ...closed,
    description: 'One receiver.',
    ...hints('mapping', 'a receiver: a mapping with name and webhook, slack or pagerduty'),
  },
);

const time = (description: string) =>
  Type.String({
    pattern: '^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$',
    description,
    ...hints('time', 'a time in quotes such as "09:00"'),
  });

const window = Type.Object(
  {
    days: Type.Array(
      Type.Enum([...weekdays], {
        description: 'A weekday.',
        ...hints('weekday', `one of ${weekdays.join(', ')}`),
      }),
      {
        minItems: 1,
        uniqueItems: true,
        description: 'Weekdays on which it begins.',
        ...hints('list of weekdays', 'a list of weekdays such as [mon, tue]'),
      },
    ),
    from: time('Local time at which it begins.'),
    to: time('Local time at which it ends; at or before `from` it is on the next day.'),
  },
  {
    ...closed,
    description: 'One window.',
    ...hints('mapping', 'a window: a mapping with days, from and to'),
  },
);

const listOf = <T extends typeof metric | typeof gate | typeof notification>(
  item: T,
  what: string,
  about: string,
) =>
  Type.Array(item, {
    default: [],
    maxItems: signalsMax,
    description: about,
    ...hints(`list of ${what}`, `a list of at most ${signalsMax} ${what}`),
  });

/**
 * Loopback and private networks, because Prometheus and the receivers of an internal tool are usually there.
 */
const outgoingAllowed = [
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
];

export const metrics = listOf(
  metric,
  'metrics',
  'Numbers of the business that hold a rollout, or send it back: see [gates](gates.md).',
);
export const gates = listOf(gate, 'gates', 'What is asked before a rollout moves: see [gates](gates.md).');
export const notifications = listOf(
  notification,
  'receivers',
  'Who is told of what a rollout does: see [gates](gates.md).',
);

export const windows = section('When rollouts may start and advance; reverts are always possible.', {
  timeZone: Type.String({
    default: 'UTC',
    description: 'IANA time zone of all times here, such as `Europe/Berlin`.',
    ...hints('time zone', 'an IANA time zone such as Europe/Berlin'),
  }),
  allow: Type.Array(window, {
    default: [],
    maxItems: 64,
    description: 'Windows for changes; an empty list allows them always.',
    ...hints('list of windows', 'a list of at most 64 windows'),
  }),
});

const blocks = (fallback: string[], description: string) =>
  Type.Array(Type.String(hints('CIDR', 'text: an address or CIDR block such as 10.0.0.0/8')), {
    default: fallback,
    maxItems: 64,
    description,
    ...hints('list of CIDRs', 'a list of CIDR blocks such as 10.0.0.0/8'),
  });

export const outgoing = section('Where what Crossover calls may be.', {
  allow: blocks(
    outgoingAllowed,
    'Loopback and private addresses that gates, metric sources and notifications may be at, as CIDR blocks; public ones always may, link-local and reserved ones never. Names count by the address they resolve to.',
  ),
  linkLocalNodes: blocks(
    [],
    'Link-local blocks that nodes may be in, such as `169.254.171.0/24` (AWS VPC Lattice). Where clouds serve credentials none may be.',
  ),
});
