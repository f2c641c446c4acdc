// Sections of the schema about how requests are forwarded: failover, health of the nodes, timeouts and
// limits. schema-routing.ts has to which cluster they go.
import { Type } from 'typebox';
import {
  bodyBytesPerSecondDefault,
  connectionsMaxDefault,
  headBytesMaxDefault,
  headerCountMaxDefault,
  replayBytesMaxDefault,
  upstreamConnectionsDefault,
} from '#src/limits.ts';
import {
  bytes,
  bytesForms,
  duration,
  hints,
  integer,
  percent,
  positiveDuration,
  section,
} from './schema-values.ts';
import { formatBytes } from './units.ts';

export const failover = section('Replay on X of requests that failed on Y before the client saw anything.', {
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

export const health = section('How nodes are checked and kept out of use.', {
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

export const timeouts = section('How long things may take.', {
  requestHead: positiveDuration(
    '10s',
    'From the first byte of a request, and on a new connection from its beginning, to the end of the head; then 408.',
  ),
  requestBody: positiveDuration('30s', 'Without a byte of the request body; then 408.'),
  requestBodyWait: duration(
    '1s',
    'How long a request whose body is still coming does without a connection to a node, up to `limits.replayBytes`; with `Expect: 100-continue` it gets one at once.',
  ),
  requestBodyTotal: positiveDuration('1h', 'For the whole of a request body; then 408.'),
  clientLeft: positiveDuration(
    '10s',
    'Until an answer begins, once its client has ended its side of the connection: most that do so are gone.',
  ),
  clientIdle: positiveDuration(
    '60s',
    'Without a request on a kept-alive client connection, or without the client taking any of its answer.',
  ),
  connect: positiveDuration('2s', 'To connect to a node.'),
  responseHead: positiveDuration(
    '30s',
    'From the end of the request to the end of the response head; then 504.',
  ),
  responseBody: positiveDuration(
    '30s',
    'Without a byte of the response body once the request is complete; then the response is cut.',
  ),
  upstreamIdle: positiveDuration(
    '50s',
    "How long an unused node connection is kept; keep it below the nodes' own (Kong: 75 s).",
  ),
  tunnelIdle: positiveDuration(
    '1h',
    'Without a byte either way through a tunnel (WebSocket); at most 30 s once one side has ended.',
  ),
  drainDelay: duration(
    '0s',
    'How long new connections are still taken after the word to stop, while `/readyz` answers 503 already, so that a load balancer can look elsewhere first.',
  ),
  drain: positiveDuration('30s', 'For requests under way when the process is told to stop.'),
});

export const limits = section('How much is accepted.', {
  headBytes: bytes(
    formatBytes(headBytesMaxDefault),
    'Request or response head; then 431 (502 for a response). From 1KiB to 124KiB.',
  ),
  headerCount: integer(1, 1000, headerCountMaxDefault, 'Fields of a head; then 431 (502 for a response).'),
  connections: integer(1, 1_000_000, connectionsMaxDefault, 'Client connections over all workers; then 503.'),
  upstreamConnections: integer(
    1,
    1_000_000,
    upstreamConnectionsDefault,
    'Connections to one node over all workers, each of which has its part. When they are all in use, clients that left, stall or take nothing of their answer give way.',
  ),
  bodyBytesPerSecond: integer(
    1,
    1_000_000_000,
    bodyBytesPerSecondDefault,
    'Least rate of a request body on the whole, beyond `timeouts.requestBody`; then 408.',
  ),
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
