// Every error that a client of the proxy or a user of the control API can get: its code, HTTP status and
// sentence, whose fault it is, and whether sending the same request again may help; and of a request to a
// cluster, what it counts as against that cluster and whether the other cluster may answer instead.
// docs/errors.md lists the same; a test compares the two.

export interface CatalogError {
  /** Stable machine-readable name, quoted in response bodies, events and metrics. */
  readonly code: string;
  readonly status: number;
  /** One sentence for the person who reads the response. */
  readonly title: string;
  readonly fault: 'client' | 'upstream' | 'crossover' | 'operator';
  /** Whether the same request may succeed when sent again unchanged. */
  readonly retryable: boolean;
}

/**
 * What a failed first attempt counts as against its cluster. `crossover_failures_total{kind}` uses these
 * names.
 */
export const failureKinds = ['connect', 'reset', 'timeout', 'protocol', 'truncated', 'unavailable'] as const;
export type FailureKind = (typeof failureKinds)[number];

/** An entry of `failover.on`: which failures of Y are sent again to X. */
export type ReplayTrigger = 'connect' | 'reset' | 'timeout' | 502;

export interface ProxyError extends CatalogError {
  /** What it counts as against the cluster; null where no cluster is at fault. */
  readonly kind: FailureKind | null;
  /** The entry of `failover.on` that has X answer in Y's place; null where X could not, or must not. */
  readonly replayOn: ReplayTrigger | null;
}

const define = (
  code: string,
  status: number,
  fault: CatalogError['fault'],
  retryable: boolean,
  title: string,
): CatalogError => ({ code, status, title, fault, retryable });

/** A request that is refused before it is assigned to a cluster, or for what its client does. */
const refusal = (...entry: Parameters<typeof define>): ProxyError => ({
  ...define(...entry),
  kind: null,
  replayOn: null,
});

/** A request that got no answer from its cluster, or only part of one. */
const failure = (
  { kind, replayOn }: Pick<ProxyError, 'kind' | 'replayOn'>,
  ...entry: Parameters<typeof define>
): ProxyError => ({ ...define(...entry), kind, replayOn });

/**
 * Answers that the proxy gives before it asks a node, or in place of a node's answer. An error's position is
 * the index of its counter in shared memory.
 */
export const proxyErrors = {
  requestLineInvalid: refusal(
    'request_line_invalid',
    400,
    'client',
    false,
    'The request line is not valid HTTP/1.1.',
  ),
  requestTargetInvalid: refusal(
    'request_target_invalid',
    400,
    'client',
    false,
    'The request target is not valid.',
  ),
  versionNotSupported: refusal(
    'version_not_supported',
    505,
    'client',
    false,
    'Only HTTP/1.0 and HTTP/1.1 are spoken here.',
  ),
  methodNotSupported: refusal(
    'method_not_supported',
    405,
    'client',
    false,
    'CONNECT is not served by this proxy.',
  ),
  headerInvalid: refusal('header_invalid', 400, 'client', false, 'A header field is malformed.'),
  headerTooLarge: refusal(
    'header_too_large',
    431,
    'client',
    false,
    'The request head is larger than the limit.',
  ),
  targetTooLong: refusal(
    'target_too_long',
    414,
    'client',
    false,
    'The request target is longer than the limit.',
  ),
  tooManyHeaders: refusal(
    'too_many_headers',
    431,
    'client',
    false,
    'The request has more header fields than the limit.',
  ),
  hostInvalid: refusal(
    'host_invalid',
    400,
    'client',
    false,
    'The Host header is missing, repeated, malformed or longer than 1 KiB.',
  ),
  contentLengthInvalid: refusal(
    'content_length_invalid',
    400,
    'client',
    false,
    'Content-Length is malformed or repeated.',
  ),
  framingAmbiguous: refusal(
    'framing_ambiguous',
    400,
    'client',
    false,
    'Content-Length and Transfer-Encoding must not be combined.',
  ),
  transferEncodingInvalid: refusal(
    'transfer_encoding_invalid',
    400,
    'client',
    false,
    'Only Transfer-Encoding: chunked is accepted, on HTTP/1.1.',
  ),
  transferCodingNotSupported: refusal(
    'transfer_coding_not_supported',
    501,
    'client',
    false,
    'Only the transfer coding chunked is supported.',
  ),
  chunkInvalid: refusal('chunk_invalid', 400, 'client', false, 'The chunked body is malformed.'),
  trailersTooLarge: refusal(
    'trailers_too_large',
    431,
    'client',
    false,
    'The trailer section is larger than the limit.',
  ),
  bodyTooLarge: refusal('body_too_large', 413, 'client', false, 'The request body is larger than the limit.'),
  expectationInvalid: refusal(
    'expectation_invalid',
    417,
    'client',
    false,
    'Only Expect: 100-continue is supported.',
  ),
  requestTimeout: refusal('request_timeout', 408, 'client', true, 'The request was not received in time.'),
  connectionsExhausted: refusal(
    'connections_exhausted',
    503,
    'crossover',
    true,
    'The proxy has reached its connection limit.',
  ),
  upstreamConnectFailed: failure(
    { kind: 'connect', replayOn: 'connect' },
    'upstream_connect_failed',
    502,
    'upstream',
    true,
    'No connection to the upstream could be made.',
  ),
  upstreamReset: failure(
    { kind: 'reset', replayOn: 'reset' },
    'upstream_reset',
    502,
    'upstream',
    true,
    'The upstream closed the connection before it answered.',
  ),
  upstreamResponseInvalid: failure(
    { kind: 'protocol', replayOn: 502 },
    'upstream_response_invalid',
    502,
    'upstream',
    false,
    'The upstream answered with an invalid response.',
  ),
  upstreamTimeout: failure(
    { kind: 'timeout', replayOn: 'timeout' },
    'upstream_timeout',
    504,
    'upstream',
    true,
    'The upstream did not answer in time.',
  ),
  upstreamUnavailable: failure(
    { kind: 'unavailable', replayOn: 'connect' },
    'upstream_unavailable',
    503,
    'upstream',
    true,
    'No upstream node is available.',
  ),
  upstreamOverloaded: failure(
    { kind: null, replayOn: 'connect' },
    'upstream_overloaded',
    503,
    'crossover',
    true,
    'The proxy has as many connections to the upstream, or requests that wait for one, as it may have.',
  ),
  resourcesExhausted: failure(
    { kind: null, replayOn: 'connect' },
    'resources_exhausted',
    503,
    'crossover',
    true,
    'The proxy has no descriptor, port or memory left for this request.',
  ),
  upstreamTruncated: failure(
    { kind: 'truncated', replayOn: null },
    'upstream_truncated',
    502,
    'upstream',
    true,
    'The upstream began an answer and did not complete it.',
  ),
} as const satisfies Record<string, ProxyError>;

export type ProxyErrorName = keyof typeof proxyErrors;
export const proxyErrorNames = Object.keys(proxyErrors) as ProxyErrorName[];
/** Index of each proxy error's counter in shared memory. */
export const proxyErrorIndex = Object.fromEntries(
  proxyErrorNames.map((name, index) => [name, index]),
) as Record<ProxyErrorName, number>;

/** Refusals of the control API, sent as problem details (RFC 9457) with the `code`. */
export const apiErrors = {
  unauthorized: define('unauthorized', 401, 'client', false, 'A valid bearer token is required.'),
  forbiddenOrigin: define(
    'forbidden_origin',
    403,
    'client',
    false,
    'The request comes from another origin or host name.',
  ),
  forbiddenRole: define('forbidden_role', 403, 'client', false, 'The role of the token does not allow this.'),
  notFound: define('not_found', 404, 'client', false, 'There is no such resource.'),
  methodNotAllowed: define(
    'method_not_allowed',
    405,
    'client',
    false,
    'The resource does not support this method.',
  ),
  invalidRequest: define('invalid_request', 400, 'client', false, 'The request does not match the schema.'),
  wrongState: define(
    'wrong_state',
    409,
    'client',
    false,
    'The rollout is in a state that does not allow this.',
  ),
  xUnhealthy: define('x_unhealthy', 409, 'client', false, 'X could not serve what this would send to it.'),
  staleRevision: define('stale_revision', 412, 'client', false, 'The resource changed since it was read.'),
  unsupportedMediaType: define(
    'unsupported_media_type',
    415,
    'client',
    false,
    'The body must be application/json.',
  ),
  payloadTooLarge: define('payload_too_large', 413, 'client', false, 'The body is larger than the limit.'),
  tooManyAttempts: define(
    'too_many_attempts',
    429,
    'client',
    true,
    'Too many failed logins; try again later.',
  ),
  configInvalid: define(
    'config_invalid',
    422,
    'operator',
    false,
    'The configuration is not valid; nothing was changed.',
  ),
  storeUnavailable: define(
    'store_unavailable',
    503,
    'crossover',
    true,
    'The store cannot be written; only a revert is possible.',
  ),
  streamsExhausted: define(
    'streams_exhausted',
    503,
    'crossover',
    true,
    'Too many clients follow the event stream.',
  ),
  internalApi: define('internal_error', 500, 'crossover', true, 'The control API failed unexpectedly.'),
} as const satisfies Record<string, CatalogError>;

export type ApiErrorName = keyof typeof apiErrors;
