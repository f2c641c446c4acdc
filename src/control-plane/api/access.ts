// Decides for every request whether it may go on: host name, token, origin, in this order. Routes say what
// they need in their config; a route that says nothing needs the token.
import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isLoopback } from '#src/config/net-address.ts';
import type { ApiContext } from './api-context.ts';
import { bearerTokenOf, equalInConstantTime } from './bearer-token.ts';
import { LoginLimiter } from './login-limiter.ts';
import { fetchSiteAllowed, hostAllowed, originAllowed } from './origin-guard.ts';
import { ApiProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `open`: for anyone, what an orchestrator probes. `scrape`: open on a loopback address, where
     * Prometheus' agent runs beside us, the token elsewhere. Absent: the token.
     */
    access?: 'open' | 'scrape';
  }
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const actorPattern = /^[\x20-\x7e]{1,64}$/;

/** Adds the checks to every route, the ones that do not exist included. */
export function guardAccess(app: FastifyInstance, context: ApiContext): void {
  const limiter = new LoginLimiter();
  const ownNames = [hostname().toLowerCase(), context.config().listen.control.host];
  app.addHook('onRequest', async (request, reply) => {
    if (!hostAllowed(request.headers.host, ownNames)) throw new ApiProblem('forbiddenOrigin');
    if (needsToken(request, context)) login(request, reply, context, limiter);
    if (!fromHere(request)) throw new ApiProblem('forbiddenOrigin');
  });
}

/** Who asks, for the record: the name the client gives, and the address it comes from. */
export function actorOf(request: FastifyRequest): string {
  const given = request.headers['x-crossover-actor'];
  if (given === undefined) return `api (${request.ip})`;
  if (typeof given !== 'string' || !actorPattern.test(given)) {
    throw new ApiProblem('invalidRequest', 'X-Crossover-Actor must be 1 to 64 printable ASCII characters.');
  }
  return `${given} (${request.ip})`;
}

function needsToken(request: FastifyRequest, context: ApiContext): boolean {
  const { access } = request.routeOptions.config;
  const { control, listen } = context.config();
  if (control.token === null || access === 'open') return false;
  return access !== 'scrape' || !isLoopback(listen.control.host);
}

/**
 * Peers with too many failed logins are refused without a look at their token. Those on this machine are
 * refused too, unless the token is right: nobody shall be kept from a revert by a script beside them that has
 * an old token.
 */
function login(
  request: FastifyRequest,
  reply: FastifyReply,
  context: ApiContext,
  limiter: LoginLimiter,
): void {
  const nowMs = context.clock.monotonicMs();
  const waitMs = limiter.waitMs(request.ip, nowMs);
  if (waitMs > 0 && !isLoopback(request.ip)) throw tooManyAttempts(reply, waitMs);
  const given = bearerTokenOf(request.headers.authorization);
  const expected = context.config().control.token ?? '';
  if (given !== null && equalInConstantTime(given, expected)) return;
  // A request without a token is no guess.
  const waitNowMs = given === null ? waitMs : limiter.fail(request.ip, nowMs);
  if (waitNowMs > 0) throw tooManyAttempts(reply, waitNowMs);
  throw new ApiProblem('unauthorized');
}

function tooManyAttempts(reply: FastifyReply, waitMs: number): ApiProblem {
  reply.header('connection', 'close');
  return new ApiProblem('tooManyAttempts', undefined, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
}

function fromHere(request: FastifyRequest): boolean {
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  if (!originAllowed(origin, host)) return false;
  return safeMethods.has(request.method) || fetchSiteAllowed(typeof site === 'string' ? site : undefined);
}
