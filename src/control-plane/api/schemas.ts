// What the control API takes and gives, written once: it validates requests and becomes /openapi.json.
import { type Static, Type } from 'typebox';
import { durationPattern, percentPattern } from '#src/config/units.ts';
import { apiEventsMax, nodesPerClusterMax } from '#src/limits.ts';

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

export const SplitChange = Type.Object(
  { y: Type.Number({ minimum: 0, maximum: 100, description: "Y's share in percent." }), reason: Reason },
  closed,
);
export type SplitChange = Static<typeof SplitChange>;

export const Split = Type.Object({
  x: Percent,
  y: Percent,
  revision: Type.Integer({ description: 'Grows with every change of the split.' }),
});

export const RolloutStart = Type.Object(
  {
    steps: Type.Optional(Type.Array(Percent, { minItems: 1, maxItems: 100 })),
    bake: Type.Optional(Duration),
    stepTimeout: Type.Optional(Duration),
    onInconclusive: Type.Optional(Type.Union([Type.Literal('hold'), Type.Literal('revert')])),
    soak: Type.Optional(Duration),
    holdback: Type.Optional(Type.String({ pattern: percentPattern, examples: ['1%'] })),
    reason: Reason,
  },
  closed,
);
export type RolloutStart = Static<typeof RolloutStart>;

export const Command = Type.Object({ reason: Reason }, closed);
export type Command = Static<typeof Command>;

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

export const NoBody = Type.Object({}, closed);
