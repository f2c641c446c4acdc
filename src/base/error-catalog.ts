// The one list of everything that can go wrong in front of a user: code, HTTP status, words, whose fault, retryable.
// docs/errors.md lists the same codes; a test holds the two together.

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

const define = (
  code: string,
  status: number,
  fault: CatalogError['fault'],
  retryable: boolean,
  title: string,
): CatalogError => ({ code, status, title, fault, retryable });

/** Refused by the proxy before or instead of an upstream's answer. The order is the index used in shared memory: append only. */
export const proxyErrors = {
  requestLineInvalid: define(
    'request_line_invalid',
    400,
    'client',
    false,
    'The request line is not valid HTTP/1.1.',
  ),
  requestTargetInvalid: define(
    'request_target_invalid',
    400,
    'client',
    false,
    'The request target is not valid.',
  ),
  versionNotSupported: define(
    'version_not_supported',
    505,
    'client',
    false,
    'Only HTTP/1.0 and HTTP/1.1 are spoken here.',
  ),
  methodNotSupported: define(
    'method_not_supported',
    405,
    'client',
    false,
    'CONNECT is not served by this proxy.',
  ),
  headerInvalid: define('header_invalid', 400, 'client', false, 'A header field is malformed.'),
  headerTooLarge: define(
    'header_too_large',
    431,
    'client',
    false,
    'The request head is larger than the limit.',
  ),
  targetTooLong: define(
    'target_too_long',
    414,
    'client',
    false,
    'The request target is longer than the limit.',
  ),
  tooManyHeaders: define(
    'too_many_headers',
    431,
    'client',
    false,
    'The request has more header fields than the limit.',
  ),
  hostInvalid: define(
    'host_invalid',
    400,
    'client',
    false,
    'The Host header is missing, repeated, malformed or longer than 1 KiB.',
  ),
  contentLengthInvalid: define(
    'content_length_invalid',
    400,
    'client',
    false,
    'Content-Length is malformed or repeated.',
  ),
  framingAmbiguous: define(
    'framing_ambiguous',
    400,
    'client',
    false,
    'Content-Length and Transfer-Encoding must not be combined.',
  ),
  transferEncodingInvalid: define(
    'transfer_encoding_invalid',
    400,
    'client',
    false,
    'Only Transfer-Encoding: chunked is accepted, on HTTP/1.1.',
  ),
  chunkInvalid: define('chunk_invalid', 400, 'client', false, 'The chunked body is malformed.'),
  trailersTooLarge: define(
    'trailers_too_large',
    431,
    'client',
    false,
    'The trailer section is larger than the limit.',
  ),
  bodyTooLarge: define('body_too_large', 413, 'client', false, 'The request body is larger than the limit.'),
  expectationInvalid: define(
    'expectation_invalid',
    417,
    'client',
    false,
    'Only Expect: 100-continue is supported.',
  ),
  requestTimeout: define('request_timeout', 408, 'client', true, 'The request was not received in time.'),
  connectionsExhausted: define(
    'connections_exhausted',
    503,
    'crossover',
    true,
    'The proxy has reached its connection limit.',
  ),
  upstreamConnectFailed: define(
    'upstream_connect_failed',
    502,
    'upstream',
    true,
    'No connection to the upstream could be made.',
  ),
  upstreamReset: define(
    'upstream_reset',
    502,
    'upstream',
    true,
    'The upstream closed the connection before it answered.',
  ),
  upstreamResponseInvalid: define(
    'upstream_response_invalid',
    502,
    'upstream',
    false,
    'The upstream answered with an invalid response.',
  ),
  upstreamTimeout: define('upstream_timeout', 504, 'upstream', true, 'The upstream did not answer in time.'),
  upstreamUnavailable: define(
    'upstream_unavailable',
    503,
    'upstream',
    true,
    'No upstream node is available.',
  ),
  upstreamOverloaded: define(
    'upstream_overloaded',
    503,
    'upstream',
    true,
    'The upstream has no free connection.',
  ),
} as const satisfies Record<string, CatalogError>;

export type ProxyErrorName = keyof typeof proxyErrors;
export const proxyErrorNames = Object.keys(proxyErrors) as ProxyErrorName[];
/** Index in shared memory of each proxy error's counter. */
export const proxyErrorIndex = Object.fromEntries(
  proxyErrorNames.map((name, index) => [name, index]),
) as Record<ProxyErrorName, number>;

/** Refused by the control API: RFC 9457 problem details carry `code`. */
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
