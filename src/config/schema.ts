// The configuration file's one schema: what may be written, with defaults and meanings. Types, validation, defaults, the
// editors' JSON Schema and docs/config.md all come from here; how values are resolved is in resolve.ts.
import { type Static, Type } from 'typebox';
import {
  connectionsMaxDefault,
  headBytesMaxDefault,
  headerCountMaxDefault,
  latencyQuantiles,
  replayBytesMaxDefault,
  routePatternsMax,
  routesTrackedMax,
  workersMax,
} from '#src/limits.ts';
import { gates, metrics, notifications, outgoing, windows } from './schema-signals.ts';
import {
  address,
  bytes,
  bytesForms,
  choice,
  duration,
  factor,
  hints,
  integer,
  percent,
  percentForms,
  positiveDuration,
  positiveDurationHints,
  positivePattern,
  secret,
  section,
  token,
  tokenPattern,
} from './schema-values.ts';
import { formatBytes, percentPattern } from './units.ts';

const cluster = (name: string, which: string) =>
  section(`Cluster ${name.toUpperCase()}, the ${which} one.`, {
    label: Type.String({
      default: name,
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\x00-\\x1f\\x7f]*$',
      description: 'What people call it, such as `kong-3.4`; shown in the page, events and status.',
      ...hints('text', 'a text of 1 to 64 characters'),
    }),
    nodes: Type.Array(Type.String(hints('URL', 'text: http://host:port')), {
      minItems: 1,
      maxItems: 64,
      description: 'Proxy ports of its Kong nodes, each as `http://host:port`.',
      ...hints('list of URLs', 'a list of 1 to 64 nodes, each http://host:port'),
    }),
    admin: Type.Optional(
      Type.String({
        description:
          "Kong's Admin API of this cluster, `http://` or `https://`. X's is asked for its routes, which are then compared one by one.",
        ...hints('URL', 'an http:// or https:// URL'),
      }),
    ),
  });

/** What a request is matched by, in pin rules and in routes. */
const conditions = {
  host: Type.Optional(
    Type.String({
      description:
        'Exact host, or `*.example.com` for every name below it; case, port and a trailing dot are ignored.',
      ...hints('host', 'a host name such as api.example.com or *.example.com'),
    }),
  ),
  pathPrefix: Type.Optional(
    Type.String({
      pattern: '^/[\\x21\\x22\\x24-\\x3e\\x40-\\x7e]*$',
      description:
        "Bytes at the path's start, up to a segment boundary: `/api` covers `/api`, `/api/…` and `/api?…`, not `/apix`. Compared as sent, without decoding.",
      ...hints('path', 'a path prefix that starts with / and has no ? or #'),
    }),
  ),
  methods: Type.Optional(
    Type.Array(token('A method, case-sensitive.'), {
      minItems: 1,
      uniqueItems: true,
      description: 'Methods, in the case they are sent in.',
      ...hints('list of methods', 'a list of methods such as [GET, HEAD]'),
    }),
  ),
};

const route = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[^\\x00-\\x1f\\x7f]*$',
      description:
        'What it is called in verdicts, status and events; entries of the same name are one route.',
      ...hints('text', 'a text of 1 to 64 characters'),
    }),
    ...conditions,
  },
  {
    additionalProperties: false,
    description: 'One route.',
    ...hints('mapping', 'a route: a mapping with name and at least one condition'),
  },
);

const rule = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Shown where the rule is mentioned; `rule 1`, `rule 2`, … by default.',
        ...hints('text', 'a text of 1 to 64 characters'),
      }),
    ),
    cluster: Type.Enum(['x', 'y'], {
      description: 'Where matching requests go.',
      ...hints('`x` or `y`', 'x or y'),
    }),
    ...conditions,
    header: Type.Optional(
      Type.Object(
        {
          name: token('Field name; case is ignored.'),
          value: Type.Optional(
            Type.String({
              minLength: 1,
              pattern: '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$',
              description: 'Exact value; without it any value matches.',
              ...hints('text', 'visible ASCII text'),
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'A header field that must be there.',
          ...hints('mapping', 'a mapping with name and, if wanted, value'),
        },
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'One pin rule.',
    ...hints('mapping', 'a rule: a mapping with cluster and at least one condition'),
  },
);

const sticky = Type.Union(
  [
    Type.Literal('none'),
    Type.Literal('clientIp'),
    Type.Object({ header: token('') }, { additionalProperties: false }),
    Type.Object({ cookie: token('') }, { additionalProperties: false }),
  ],
  {
    default: 'none',
    description:
      'What keeps a client on one cluster: its address, the value of a header (such as an API key) or of a cookie. A client crosses from X to Y at most once as the weight grows; requests without the key are drawn one by one.',
    ...hints(
      '`none`, `clientIp`, `{ header: NAME }` or `{ cookie: NAME }`',
      'none, clientIp, { header: NAME } or { cookie: NAME }',
    ),
  },
);

const routing = section('How requests are assigned to X and Y, beside the weight.', {
  sticky,
  rules: Type.Array(rule, {
    default: [],
    maxItems: 256,
    description:
      'Requests that always go to one cluster, outside the comparison. All conditions of a rule must hold; the first matching rule wins.',
    ...hints('list of rules', 'a list of at most 256 rules'),
  }),
  routes: Type.Array(route, {
    default: [],
    maxItems: routePatternsMax,
    description: `Routes whose errors are compared one by one, so that a bad one is named; the first match counts, up to ${routesTrackedMax} names. Without any, Kong's own routes are taken (\`clusters.x.admin\`), or else hosts and first path segments as they are seen.`,
    ...hints('list of routes', `a list of at most ${routePatternsMax} routes`),
  }),
  trustedProxies: Type.Array(
    Type.String(hints('CIDR', 'text: an address or CIDR block such as 10.0.0.0/8')),
    {
      default: [],
      maxItems: 256,
      description:
        'Load balancers in front of Crossover whose `X-Forwarded-*` and `X-Request-Id` are believed, as CIDR blocks or addresses.',
      ...hints('list of CIDRs', 'a list of CIDR blocks such as 10.0.0.0/8'),
    },
  ),
  override: section('Lets a tester choose the cluster of a request, even at 0 %.', {
    header: Type.String({
      pattern: tokenPattern,
      default: 'x-crossover-cluster',
      description: 'Header that holds `x:SECRET` or `y:SECRET`; with a wrong secret it is ignored.',
      ...hints('name', 'a header name'),
    }),
    secret: secret('Who knows it may choose. Empty: the override is off.'),
  }),
});

const failover = section('Replay on X of requests that failed on Y before the client saw anything.', {
  on: Type.Array(
    Type.Union(
      [Type.Enum(['connect', 'reset', 'timeout']), Type.Integer({ minimum: 500, maximum: 599 })],
      hints('trigger', 'connect, reset, timeout or a status code from 500 to 599'),
    ),
    {
      default: ['connect', 'reset', 'timeout', 502, 503, 504],
      uniqueItems: true,
      description:
        'Which failures are replayed: `connect`, `reset` (before the response head), `timeout` (of connect or response head), and 5xx codes. An empty list turns it off.',
      ...hints('list', 'a list of connect, reset, timeout and status codes from 500 to 599, each once'),
    },
  ),
  budget: percent(
    '20%',
    "Replays as a share of Y's requests; above it failures are passed on, so that a broken Y can't overload X.",
  ),
});

const health = section('How nodes are checked and kept out of use.', {
  path: Type.String({
    pattern: '^/[\\x21-\\x7e]*$',
    default: '/',
    description:
      'Path of the active check. Any answer below 500 counts as healthy, because Kong answers 404 where no route matches.',
    ...hints('path', 'a path that starts with /'),
  }),
  interval: positiveDuration('2s', 'Time between checks of a node.'),
  timeout: positiveDuration('1s', 'How long a check may take.'),
  unhealthyAfter: integer(1, 100, 3, 'Failed checks in a row that take a node out of use.'),
  healthyAfter: integer(1, 100, 2, 'Passed checks in a row that bring it back.'),
  ejection: Type.Union([Type.Enum(['on', 'off']), Type.Boolean()], {
    default: 'on',
    description:
      'Whether failures of real requests in a row take a node out for a while; never more than half of the nodes.',
    ...hints('`on` or `off`', 'on or off'),
  }),
  slowStart: duration('10s', 'Over how long a node that comes back gets its full share.'),
});

const timeouts = section('How long things may take.', {
  requestHead: positiveDuration('10s', 'From the first byte of a request to the end of its head; then 408.'),
  requestBody: positiveDuration('30s', 'Without a byte of the request body; then 408.'),
  clientIdle: positiveDuration('60s', 'Without a request on a kept-alive client connection.'),
  connect: positiveDuration('2s', 'To connect to a node.'),
  responseHead: positiveDuration(
    '30s',
    'From the end of the request to the end of the response head; then 504.',
  ),
  responseBody: positiveDuration('30s', 'Without a byte of the response body; then the response is cut.'),
  upstreamIdle: positiveDuration(
    '50s',
    "How long an unused node connection is kept; keep it below the nodes' own (Kong: 75 s).",
  ),
  tunnelIdle: positiveDuration('1h', 'Without a byte either way through a tunnel (WebSocket).'),
  drain: positiveDuration('30s', 'For requests under way when the process is told to stop.'),
});

const limits = section('How much is accepted.', {
  headBytes: bytes(
    formatBytes(headBytesMaxDefault),
    'Request or response head; then 431 (502 for a response). From 1KiB to 124KiB.',
  ),
  headerCount: integer(1, 1000, headerCountMaxDefault, 'Fields of a head; then 431 (502 for a response).'),
  connections: integer(1, 1_000_000, connectionsMaxDefault, 'Client connections over all workers; then 503.'),
  replayBytes: bytes(
    formatBytes(replayBytesMaxDefault),
    'Request bytes kept for a replay on X; a longer request is not replayed. At most 16MiB.',
  ),
  bodyBytes: Type.Union([Type.Literal('none'), ...bytesForms], {
    default: 'none',
    description: 'Request body; then 413.',
    ...hints('size or `none`', 'none, a size such as 64KiB, 1MiB or a number of bytes'),
  }),
});

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

const rollout = section('How a rollout moves; a change counts from the next rollout on.', {
  autostart: Type.Boolean({
    default: false,
    description: 'Start a rollout when the process starts and none is recorded.',
    ...hints('`true` or `false`', 'true or false'),
  }),
  steps,
  bake: duration('60s', 'Shortest time at a step, however good the evidence.'),
  stepTimeout: positiveDuration(
    '30m',
    'Longest time at a step without evidence either way; then `onInconclusive`.',
  ),
  onInconclusive: choice(['hold', 'revert'], 'hold', 'What happens then: stay at the step, or go back to X.'),
  onBadRoute: choice(
    ['revert', 'park'],
    'revert',
    'What happens when a single route is worse on Y: the rollout goes back to X, or only that route does and the rest goes on.',
  ),
  soak: duration('10m', 'Time at full weight, with the holdback on X, before the rollout completes.'),
  holdback: percent('1%', 'Share that stays on X while soaking, for comparison. Above 0 and at most 50%.'),
});

const quantileMax = Object.fromEntries(
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

const thresholds = section('What "worse" means: how far Y may be from X.', {
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
  }),
  latency: section('Time to the response head of requests that succeed, at p50, p75, p90, p95 and p99.', {
    timesX: factor(1.1, "Worse is above timesX × X's."),
    max: Type.Object(quantileMax, {
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
  warmup: duration('45s', "How long a fresh Y's latency is not judged (cold caches)."),
  blipTolerance: choice(
    ['1s', '5s'],
    '1s',
    'How long a hiccup of one cluster alone may last without counting; `5s` finds failures later.',
  ),
  attribution: choice(
    ['all', 'kong'],
    'all',
    "Whose failures and time count: everybody's, or Kong's own. With `kong`, 5xx and slowness of the services behind are left out; needs `latency_tokens` in Kong's `headers`.",
  ),
});

/** The file with every default filled in. */
const filledSchema = section('Configuration of Crossover.', {
  listen: section('Where Crossover listens.', {
    proxy: address('Client traffic.', '0.0.0.0:8000'),
    control: address('Control API and metrics. Beyond loopback it needs `control.token`.', '127.0.0.1:9900'),
    admin: Type.Optional(
      address("Kept for a guarded copy of X's Kong Admin API; checked, but nothing listens there yet."),
    ),
  }),
  workers: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: workersMax })], {
    default: 'auto',
    description: 'Proxy threads; `auto` is one per available core.',
    ...hints('whole number or `auto`', `auto or a whole number from 1 to ${workersMax}`),
  }),
  clusters: section('The two clusters.', { x: cluster('x', 'old'), y: cluster('y', 'new') }),
  routing,
  failover,
  health,
  timeouts,
  limits,
  rollout,
  thresholds,
  metrics,
  gates,
  windows,
  notifications,
  outgoing,
  control: section('The control API.', {
    token: secret(
      'Bearer token of the control API. Empty: none is asked for, which is refused beyond loopback.',
    ),
    url: Type.Optional(
      Type.String({
        description:
          'How people reach the control API, such as `https://crossover.example.com`; put into what gates and notifications are sent.',
        ...hints('URL', 'an http:// or https:// URL'),
      }),
    ),
  }),
  store: section('What is kept over a restart.', {
    sqlite: Type.String({
      minLength: 1,
      default: './data/crossover.db',
      description:
        'File of the embedded database, relative to the working directory; its folder is made when needed.',
      ...hints('path', 'a path'),
    }),
  }),
});

export type WrittenConfig = Static<typeof filledSchema>;

/** A JSON Schema as this file uses it. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly 'x-type'?: string;
  readonly 'x-expected'?: string;
  readonly 'x-secret'?: boolean;
}

const canBeLeftOut = (node: SchemaNode): boolean =>
  node.default !== undefined || (node.properties !== undefined && (node.required ?? []).length === 0);

/** In the file, whatever has a default may be left out, and so may a section of nothing else. */
function withoutDefaultsRequired(node: SchemaNode): SchemaNode {
  if (node.properties === undefined) return node;
  const properties = Object.fromEntries(
    Object.entries(node.properties).map(([key, child]) => [key, withoutDefaultsRequired(child)]),
  );
  const required = (node.required ?? []).filter((key) => !canBeLeftOut(properties[key] as SchemaNode));
  return { ...node, properties, required };
}

/** JSON Schema of the file as it is written. */
export const configSchema: SchemaNode = withoutDefaultsRequired(
  JSON.parse(JSON.stringify(filledSchema)) as SchemaNode,
);
