// What the control API takes and gives, written once: it validates requests and becomes /openapi.json. After
// a change here, write schemas.json anew: node src/control-plane/api/write-schemas.ts
import { type Static, Type } from 'typebox';
import { durationPattern, percentPattern } from '#src/config/units.ts';
import { apiEventsMax, nodesPerClusterMax, pushedTrialsMax } from '#src/limits.ts';

const closed = { additionalProperties: false } as const;
/** Longest text an operator may leave in the record. */
const reasonLengthMax = 500;
/** Largest time in ms: the end of the range of Date. */
const epochMsMax = 8_640_000_000_000_000;

const Reason = Type.Optional(
  Type.String({ maxLength: reasonLengthMax, description: 'Why, in words; kept in the record.' }),
);
const Percent = Type.Number({ minimum: 0, maximum: 100 });
const Duration = Type.String({ pattern: durationPattern, examples: ['60s', '10m'] });

const Override = Type.Optional(
  Type.Boolean({
    description: 'Gives Y more although it is frozen or outside the change windows; recorded.',
  }),
);

const Force = Type.Optional(
  Type.Boolean({
    description: 'Sends everything to X although it has no healthy node and Y has; recorded.',
  }),
);

export const SplitChange = Type.Object(
  {
    y: Type.Number({ minimum: 0, maximum: 100, description: "Y's share in percent." }),
    reason: Reason,
    override: Override,
    force: Force,
  },
  closed,
);
export type SplitChange = Static<typeof SplitChange>;

export const Split = Type.Object({
  x: Percent,
  y: Percent,
  revision: Type.Integer({ description: 'Grows with every change of the split.' }),
});

export const ChangedSplit = Type.Object({
  ...Split.properties,
  recorded: Type.Boolean({ description: 'Whether it would survive a restart already.' }),
});

export const RolloutStart = Type.Object(
  {
    steps: Type.Optional(Type.Array(Percent, { minItems: 1, maxItems: 100 })),
    bake: Type.Optional(Duration),
    stepTimeout: Type.Optional(Duration),
    onInconclusive: Type.Optional(Type.Union([Type.Literal('hold'), Type.Literal('revert')])),
    onBadRoute: Type.Optional(Type.Union([Type.Literal('revert'), Type.Literal('park')])),
    soak: Type.Optional(Duration),
    holdback: Type.Optional(Type.String({ pattern: percentPattern, examples: ['1%'] })),
    reason: Reason,
  },
  closed,
);
export type RolloutStart = Static<typeof RolloutStart>;

export const Command = Type.Object({ reason: Reason, override: Override, force: Force }, closed);
export type Command = Static<typeof Command>;

export const Unpark = Type.Object(
  {
    route: Type.String({ minLength: 1, maxLength: 300, description: 'Name of the parked route.' }),
    reason: Reason,
    override: Override,
  },
  closed,
);
export type Unpark = Static<typeof Unpark>;

export const FreezeChange = Type.Object(
  {
    frozen: Type.Boolean(),
    reason: Reason,
    until: Type.Optional(
      Type.Union([Type.String({ maxLength: 40, examples: ['2026-12-24T18:00:00Z'] }), Type.Null()], {
        description: 'When it ends by itself: a time with its offset (RFC 3339); absent or null: never.',
      }),
    ),
    actor: Type.Optional(
      Type.String({
        pattern: '^[\\x20-\\x7e]{1,64}$',
        description: 'Whom the token acts for; instead of X-Crossover-Actor.',
      }),
    ),
  },
  closed,
);
export type FreezeChange = Static<typeof FreezeChange>;

export const Approval = Type.Object(
  {
    revision: Type.String({ maxLength: 100, description: "The step's revision, from the status." }),
    gate: Type.Optional(
      Type.String({ maxLength: 63, description: 'Which gate; needed where several wait for an approval.' }),
    ),
    reason: Reason,
  },
  closed,
);
export type Approval = Static<typeof Approval>;

export const MetricParams = Type.Object({ name: Type.String({ maxLength: 63 }) });
export type MetricParams = Static<typeof MetricParams>;

const Count = Type.Integer({ minimum: 0, maximum: pushedTrialsMax });
/**
 * One schema, so that a mistake is told of a member and not of a union; what goes together is checked by the
 * route.
 */
export const MetricSample = Type.Object(
  {
    cluster: Type.Union([Type.Literal('x'), Type.Literal('y')]),
    value: Type.Optional(Type.Number({ description: 'For a metric of values.' })),
    successes: Type.Optional(Count),
    trials: Type.Optional(Count),
  },
  closed,
);
export type MetricSample = Static<typeof MetricSample>;

export const ClusterParams = Type.Object({
  cluster: Type.Union([Type.Literal('x'), Type.Literal('y')]),
});
export type ClusterParams = Static<typeof ClusterParams>;

export const NodeParams = Type.Object({
  cluster: Type.Union([Type.Literal('x'), Type.Literal('y')]),
  id: Type.String({ maxLength: 300, description: '`host:port`, URL-encoded.' }),
});
export type NodeParams = Static<typeof NodeParams>;

export const NodesChange = Type.Object(
  {
    nodes: Type.Array(Type.String({ maxLength: 300, examples: ['http://10.0.1.10:8000'] }), {
      minItems: 1,
      maxItems: nodesPerClusterMax,
    }),
    reason: Reason,
  },
  closed,
);
export type NodesChange = Static<typeof NodesChange>;

export const EventsQuery = Type.Object(
  {
    after: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: apiEventsMax, default: 100 }),
  },
  closed,
);
export type EventsQuery = Static<typeof EventsQuery>;

export const HistoryQuery = Type.Object(
  {
    from: Type.Optional(Type.Integer({ minimum: 0, maximum: epochMsMax, description: 'Unix epoch ms.' })),
    to: Type.Optional(Type.Integer({ minimum: 0, maximum: epochMsMax, description: 'Unix epoch ms.' })),
  },
  closed,
);
export type HistoryQuery = Static<typeof HistoryQuery>;

export const RecordId = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 100, description: 'As the list has it.' }),
});
export type RecordId = Static<typeof RecordId>;

export const VerifyQuery = Type.Object(
  {
    end: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: 'An end that the record must lead to.' }),
    ),
  },
  closed,
);
export type VerifyQuery = Static<typeof VerifyQuery>;

export const NoBody = Type.Object({}, closed);
