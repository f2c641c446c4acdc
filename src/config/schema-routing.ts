// The section of the schema about routing: stickiness, pin rules, routes, trusted proxies and the override
// header for testers. core/routing has how a request is matched.
import { Type } from 'typebox';
import { routePatternsMax, routesTrackedMax } from '#src/limits.ts';
import { hints, secret, section, token, tokenPattern } from './schema-values.ts';

/** Conditions that pin rules and routes have in common. */
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

export const routing = section('How requests are assigned to X and Y, beside the weight.', {
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
