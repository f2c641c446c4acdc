// A node that imitates Kong: an HTTP server whose answers have Kong's statuses, headers and bodies, different
// for its own errors and for answers of a service. There are no services: their latency is drawn at random,
// and an answer is sent after that time.
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Random } from '#src/base/random.ts';
import type { ClusterFault } from './cluster-fault.ts';
import { demoApiKey, type KongRoute, matchKongRoute } from './kong-routes.ts';

/** What the nodes of one cluster share, and what a test may change while they run. */
export interface KongClusterState {
  /** Kong's version, such as `3.4.3`. The form of Via and whether there are request ids depend on it. */
  readonly version: string;
  readonly random: Random;
  /** Median in ms, and standard deviation of the logarithm, of the services' lognormal latency. */
  readonly latencyMsMedian: number;
  readonly latencySigma: number;
  /** Share of requests that fail without any fault, 0..1. */
  readonly errorShare: number;
  /** Replaces every limitPerMinute of the route table; null leaves it. */
  readonly limitPerMinute: number | null;
  fault: ClusterFault;
  requestCount: number;
  /** Requests by the status of their answer. */
  readonly countByStatus: Map<number, number>;
  /** Requests by the value of their `x-token` header: how often each was delivered. */
  readonly countByToken: Map<string, number>;
  limitMinute: number;
  limitUsed: number;
}

type Answer =
  | { readonly kind: 'proxied'; readonly route: KongRoute; readonly status: number; readonly body: Buffer }
  | {
      readonly kind: 'kong';
      readonly status: number;
      readonly message: string;
      readonly headers: OutgoingHttpHeaders;
    }
  | { readonly kind: 'hang' };

/** Time that Kong itself takes, ms; the rest of a request's latency is the service's. */
const kongLatencyMs = 1;
/** nginx's default of keepalive_timeout, which is Kong's too. */
const keepAliveMs = 75_000;

/** A node that is not listening yet. */
export function createKongNode(state: KongClusterState): Server {
  const server = createServer((request, response) => serve(state, request, response));
  server.keepAliveTimeout = keepAliveMs;
  server.requestTimeout = 0;
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

function serve(state: KongClusterState, request: IncomingMessage, response: ServerResponse): void {
  count(state, request);
  request.on('error', () => response.destroy());
  response.on('error', () => request.destroy());
  request.resume();
  const answer = decide(state, request);
  if (answer.kind === 'hang') return;
  const latencyMs = answer.kind === 'kong' ? kongLatencyMs : serviceLatencyMs(state, answer.route);
  let isBodyRead = false;
  let isDue = false;
  const sendWhenReady = () => {
    if (isBodyRead && isDue && !response.destroyed) send(state, request, response, answer, latencyMs);
  };
  request.on('end', () => {
    isBodyRead = true;
    sendWhenReady();
  });
  setTimeout(() => {
    isDue = true;
    sendWhenReady();
  }, latencyMs + kongLatencyMs);
}

function count(state: KongClusterState, request: IncomingMessage): void {
  state.requestCount++;
  const token = request.headers['x-token'];
  if (typeof token === 'string') state.countByToken.set(token, (state.countByToken.get(token) ?? 0) + 1);
}

/**
 * The answer by Kong's phases in order: router, authentication, rate limit, service. A fault is where the
 * real one would be.
 */
function decide(state: KongClusterState, request: IncomingMessage): Answer {
  const { fault, random } = state;
  const route = matchKongRoute(request.method ?? '', request.url ?? '');
  if (route === null) return kongAnswer(404, 'no Route matched with those values');
  if (fault.kind === 'errors' && random.next() < fault.share)
    return kongAnswer(500, 'An unexpected error occurred');
  const refusal = route.keyAuth ? authenticate(fault, random, request.headers.apikey) : null;
  if (refusal !== null) return refusal;
  const limited = route.limitPerMinute === null ? null : rateLimit(state, route.limitPerMinute);
  if (limited !== null) return limited;
  if (fault.kind === 'brownout') {
    const draw = random.next();
    if (draw < fault.hangShare) return { kind: 'hang' };
    if (draw < fault.hangShare + fault.unavailableShare)
      return kongAnswer(503, 'failure to get a peer from the ring-balancer');
  }
  return proxied(state, route, request.method ?? '');
}

const kongAnswer = (status: number, message: string, headers: OutgoingHttpHeaders = {}): Answer => ({
  kind: 'kong',
  status,
  message,
  headers,
});

function authenticate(
  fault: ClusterFault,
  random: Random,
  key: string | string[] | undefined,
): Answer | null {
  const challenge = { 'WWW-Authenticate': 'Key' };
  if (key === undefined) return kongAnswer(401, 'No API key found in request', challenge);
  const isRefused = fault.kind === 'status-mix' && random.next() < fault.share;
  return key !== demoApiKey || isRefused ? kongAnswer(401, 'Unauthorized', challenge) : null;
}

/** The rate-limiting plugin with policy local: it counts by calendar minute, for this cluster alone. */
function rateLimit(state: KongClusterState, routeLimit: number): Answer | null {
  const now = Date.now();
  const minute = Math.floor(now / 60_000);
  if (minute !== state.limitMinute) {
    state.limitMinute = minute;
    state.limitUsed = 0;
  }
  const limit = state.limitPerMinute ?? routeLimit;
  if (state.limitUsed++ < limit) return null;
  const resetSeconds = 60 - Math.floor((now % 60_000) / 1000);
  return kongAnswer(429, 'API rate limit exceeded', {
    ...limitHeaders(limit, 0),
    'Retry-After': resetSeconds,
  });
}

const limitHeaders = (limit: number, remaining: number): OutgoingHttpHeaders => ({
  'RateLimit-Limit': limit,
  'RateLimit-Remaining': remaining,
  'X-RateLimit-Limit-Minute': limit,
  'X-RateLimit-Remaining-Minute': remaining,
});

/** The answer of the service behind Kong: usually a success, sometimes a 500 or 503 of its own. */
function proxied(state: KongClusterState, route: KongRoute, method: string): Answer {
  const draw = state.random.next();
  if (draw < state.errorShare) {
    const status = draw < state.errorShare / 2 ? 500 : 503;
    return { kind: 'proxied', route, status, body: Buffer.from('{"error":"service failed"}') };
  }
  return { kind: 'proxied', route, status: method === 'POST' ? 201 : 200, body: route.body };
}

/** A lognormal latency (Box and Muller), at most 30 s. */
function serviceLatencyMs(state: KongClusterState, route: KongRoute): number {
  const { fault, random } = state;
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const slowness = fault.kind === 'brownout' || fault.kind === 'latency' ? fault.slowness : 1;
  const ms = state.latencyMsMedian * route.slowness * slowness * Math.exp(state.latencySigma * normal);
  return Math.min(Math.round(ms), 30_000);
}

function send(
  state: KongClusterState,
  request: IncomingMessage,
  response: ServerResponse,
  answer: Exclude<Answer, { kind: 'hang' }>,
  latencyMs: number,
): void {
  state.countByStatus.set(answer.status, (state.countByStatus.get(answer.status) ?? 0) + 1);
  const requestId = hasRequestId(state.version) ? newRequestId(state.random) : null;
  const body = answer.kind === 'kong' ? errorBody(answer.message, requestId) : answer.body;
  const headers: OutgoingHttpHeaders =
    answer.kind === 'kong' ? kongHeaders(state, answer.headers) : proxiedHeaders(state, answer, latencyMs);
  if (requestId !== null) headers['X-Kong-Request-Id'] = requestId;
  headers['Content-Type'] = 'application/json; charset=utf-8';
  headers['Content-Length'] = body.length;
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Headers of an answer that Kong made by itself: Kong is the server, and there is no upstream latency. */
const kongHeaders = (state: KongClusterState, own: OutgoingHttpHeaders): OutgoingHttpHeaders => ({
  ...own,
  Server: `kong/${state.version}`,
  'X-Kong-Response-Latency': kongLatencyMs,
});

function proxiedHeaders(
  state: KongClusterState,
  answer: Extract<Answer, { kind: 'proxied' }>,
  latencyMs: number,
): OutgoingHttpHeaders {
  const { route } = answer;
  const limit = state.limitPerMinute ?? route.limitPerMinute;
  const limits =
    route.limitPerMinute === null || limit === null ? {} : limitHeaders(limit, limit - state.limitUsed);
  return {
    ...limits,
    Server: 'envoy',
    Via: isAtLeast(state.version, 3, 8) ? `1.1 kong/${state.version}` : `kong/${state.version}`,
    'X-Kong-Upstream-Latency': latencyMs,
    'X-Kong-Proxy-Latency': kongLatencyMs,
  };
}

/** A body by Kong's JSON template of errors. Request ids exist since Kong 3.5. */
const errorBody = (message: string, requestId: string | null): Buffer =>
  Buffer.from(
    requestId === null
      ? `{\n  "message":"${message}"\n}`
      : `{\n  "message":"${message}",\n  "request_id":"${requestId}"\n}`,
  );

const hasRequestId = (version: string): boolean => isAtLeast(version, 3, 5);

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** 32 hex digits, like nginx's $request_id. */
function newRequestId(random: Random): string {
  let id = '';
  for (let word = 0; word < 4; word++) id += random.nextUint32().toString(16).padStart(8, '0');
  return id;
}
