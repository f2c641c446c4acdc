// The schema's sections about the control API: where it listens, and who may use it.
import { Type } from 'typebox';
import { openPaths, roleNames } from './control-config.ts';
import { hints, secret, section } from './schema-values.ts';

const path = (description: string) =>
  Type.String({ minLength: 1, maxLength: 4096, description, ...hints('path', 'a path') });
const role = (description: string, ...more: readonly string[]) =>
  Type.Optional(
    Type.Enum([...roleNames, ...more], {
      description,
      ...hints(
        [...roleNames, ...more].map((name) => `\`${name}\``).join(' or '),
        [...roleNames, ...more].join(' or '),
      ),
    }),
  );
const closed = { additionalProperties: false } as const;

const clientCertificates = Type.Object(
  {
    ca: path('Certificates of the authorities, PEM, that clients’ certificates are checked against.'),
    role: role(
      'What the holder of such a certificate may do whose name (CN, or a SAN) no token has; `read` by default.',
    ),
  },
  {
    ...closed,
    description: 'Lets clients show a certificate in place of a token. Its name is that of the actor.',
    ...hints('mapping', 'a mapping with ca'),
  },
);

const tls = Type.Object(
  {
    cert: path('Certificate and its chain, PEM. Read again when it changes.'),
    key: path('Its private key, PEM.'),
    minVersion: Type.Optional(
      Type.Union([Type.Enum(['1.2', '1.3']), Type.Literal(1.2), Type.Literal(1.3)], {
        description: 'Oldest version of TLS; `1.2` by default.',
        ...hints('`1.2` or `1.3`', '1.2 or 1.3'),
      }),
    ),
    clientCertificates: Type.Optional(clientCertificates),
  },
  {
    ...closed,
    description: 'HTTPS in place of HTTP.',
    ...hints('mapping', 'a mapping with cert and key'),
  },
);

const listener = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        description: 'A TCP address.',
        ...hints('host:port', 'host:port, such as 127.0.0.1:9900'),
      }),
    ),
    tls: Type.Optional(tls),
    socket: Type.Optional(path('A Unix socket, in place of an address.')),
    mode: Type.Optional(
      Type.String({
        pattern: '^0?[0-7]{3}$',
        description: 'Who may open the socket, as chmod takes it; `"0600"` by default.',
        ...hints('file mode', 'a file mode in quotes such as "0660"'),
      }),
    ),
    group: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$',
        description: 'Group of the socket, by name or number.',
        ...hints('group', 'the name or number of a group'),
      }),
    ),
    role: role(
      'What whoever can open the socket may do without a token. By default `admin` where only its owner can, else `none`.',
      'none',
    ),
  },
  {
    ...closed,
    description: 'One listener.',
    ...hints('mapping', 'a mapping with address or socket'),
  },
);

const oneListener = [Type.String(), listener] as const;
const listenerHints = hints(
  'host:port, `unix:PATH`, mapping or list of them',
  'host:port, unix:PATH, a mapping with address or socket, or a list of them',
);

export const controlListen = Type.Union(
  [
    ...oneListener,
    Type.Array(
      Type.Union([...oneListener], {
        description: 'One listener.',
        ...hints('listener', 'host:port, unix:PATH, or a mapping with address or socket'),
      }),
      { minItems: 1, maxItems: 8, ...hints('list of listeners', 'a list of 1 to 8 listeners') },
    ),
  ],
  {
    default: '127.0.0.1:9900',
    description:
      'Control API and metrics. Beyond loopback it needs `control.token` or `control.tokens`. The keys below are those of the long form.',
    ...listenerHints,
  },
);

export const control = section('The control API.', {
  token: secret(
    'The bearer token named `token`, with role `admin`. Without any token one is made at the first start, in the file `control-token` beside the store, and beyond loopback the start is refused.',
  ),
  tokens: Type.Optional(
    path(
      'File of named tokens with roles, for its owner alone: see [tokens](operations.md#tokens-and-roles). Read again when it changes.',
    ),
  ),
  url: Type.Optional(
    Type.String({
      description:
        'How people reach the control API, such as `https://crossover.example.com`; put into what gates and notifications are sent.',
      ...hints('URL', 'an http:// or https:// URL'),
    }),
  ),
  hosts: Type.Array(
    Type.String({
      pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$',
      ...hints('host', 'a host name without a port'),
    }),
    {
      default: [],
      maxItems: 32,
      description:
        'Public names under which the control API is asked, besides that of `control.url`; private names and addresses need no entry.',
      ...hints('list of hosts', 'a list of host names such as crossover.example.com'),
    },
  ),
  open: Type.Array(
    Type.Enum([...openPaths], { description: 'A path.', ...hints('path', openPaths.join(' or ')) }),
    {
      default: ['livez', 'readyz'],
      uniqueItems: true,
      description:
        'What needs no token beyond loopback either: `livez`, `readyz`, `metrics`. On loopback, and on a socket, none of them needs one.',
      ...hints('list of `livez`, `readyz`, `metrics`', `a list of ${openPaths.join(', ')}`),
    },
  ),
});
