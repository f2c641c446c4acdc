// Decides for every request whether it may go on: host name, origin, who sends it, what he may do, in this
// order. What a route needs is in route-roles.ts.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mayAct, type OpenPath, type Role } from '#src/config/control-config.ts';
import { bearerTokenOf } from '#src/control-plane/access/bearer-token.ts';
import { LoginLimiter } from '#src/control-plane/access/login-limiter.ts';
import { fetchSiteAllowed, hostAllowed, originAllowed } from '#src/control-plane/access/origin-guard.ts';
import { actorText, certificateNames, type Principal } from '#src/control-plane/access/principal.ts';
import type { ApiListener, Arrival } from '#src/control-plane/listening/api-listener.ts';
import { peerOf } from '#src/control-plane/listening/connection-limits.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem } from './problem.ts';
import { neededFor, overrideRole } from './route-roles.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route needs; absent for paths and methods that there are not, which need any role. */
    needs?: Role | { readonly open: OpenPath };
  }
  interface FastifyRequest {
    /** Null where none was asked for. */
    principal: Principal | null;
  }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const claimPattern = /^[\x20-\x7e]{1,64}$/;
/** Between events about wrong tokens. */
const loginsToldEveryMs = 60_000;

/** Adds the checks to every route, the ones that do not exist included. */
export function guardAccess(app: FastifyInstance, context: ApiContext, listener: ApiListener): void {
  const logins = new Logins(context);
  app.decorateRequest('principal', null);
  app.addHook('onRoute', (route) => {
    const methods = Array.isArray(route.method) ? route.method : [route.method];
    const needs = methods.map((method) => neededFor(method, route.url))[0];
    if (needs !== undefined) route.config = { ...route.config, needs };
    else if (route.schema?.hide !== true) throw new Error(`${methods} ${route.url} is not in route-roles.ts`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const arrival = listener.arrivalOf(request.raw);
    requireOwnOrigin(request, arrival, context);
    const { needs = 'read' } = request.routeOptions.config;
    if (isOpen(needs, arrival, context)) return;
    const principal = await logins.identify(request, reply, arrival);
    if (principal === null) throw new ApiProblem('unauthorized');
    listener.isKnown(request.raw);
    request.principal = principal;
    requireRole(principal, typeof needs === 'string' ? needs : 'read');
  });
  app.addHook('preHandler', async ({ body, principal }) => {
    if (principal !== null && isOverride(body)) requireRole(principal, overrideRole);
  });
}

/** Who asks, for the record. */
export function actorOf(request: FastifyRequest, claimed: string | null = claimOf(request)): string {
  return actorText(request.principal ?? { name: 'api', role: 'read' }, request.ip ?? null, claimed);
}

function claimOf({ headers }: FastifyRequest): string | null {
  const claimed = headers['x-crossover-actor'];
  if (claimed === undefined) return null;
  if (typeof claimed === 'string' && claimPattern.test(claimed)) return claimed;
  throw new ApiProblem('invalidRequest', 'X-Crossover-Actor must be 1 to 64 printable ASCII characters.');
}

function requireOwnOrigin(request: FastifyRequest, arrival: Arrival, context: ApiContext): void {
  // No browser opens a socket.
  if (arrival.origin === 'socket') return;
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  const { control } = context.config();
  const isOwn =
    hostAllowed(host, ownNames(context)) && originAllowed(origin, arrival.scheme, host, control.url);
  if (!isOwn) throw new ApiProblem('forbiddenOrigin');
  if (safeMethods.has(request.method)) return;
  if (!fetchSiteAllowed(typeof site === 'string' ? site : undefined)) throw new ApiProblem('forbiddenOrigin');
  // A page of another origin can send a change without a type, and none with this one.
  const isBrowser = origin !== undefined || site !== undefined;
  if (isBrowser && request.headers['content-type'] === undefined)
    throw new ApiProblem('unsupportedMediaType');
}

function ownNames(context: ApiContext): readonly string[] {
  const { control, listen } = context.config();
  const listeners = listen.control.flatMap((one) => (one.kind === 'tcp' ? [one.host] : []));
  const url = control.url === null ? [] : [new URL(control.url).hostname];
  return [hostname().toLowerCase(), ...listeners, ...url, ...control.hosts];
}

function isOpen(
  needs: Role | { readonly open: OpenPath },
  { origin }: Arrival,
  context: ApiContext,
): boolean {
  if (typeof needs === 'string') return false;
  return origin !== 'network' || context.config().control.open.includes(needs.open);
}

function requireRole({ name, role }: Principal, needed: Role): void {
  if (mayAct(role, needed)) return;
  throw new ApiProblem('forbiddenRole', `This needs the role ${needed}; ${name} has ${role}.`, {
    requiredRole: needed,
  });
}

const isOverride = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'override' in body && body.override === true;

/**
 * Finds out who sends a request. A token counts before a certificate, and that before who can open the
 * socket.
 */
class Logins {
  readonly #context: ApiContext;
  readonly #limiter = new LoginLimiter();
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** Null when the request shows nothing. Throws when what it shows is wrong. */
  async identify(request: FastifyRequest, reply: FastifyReply, arrival: Arrival): Promise<Principal | null> {
    const token = bearerTokenOf(request.headers.authorization);
    if (token === null) {
      const principal = this.#ofCertificate(request, arrival) ?? ofSocket(arrival);
      if (principal === null) reply.header('connection', 'close');
      return principal;
    }
    const principal = this.#context.credentials.principalOf(token);
    if (principal !== null) return principal;
    reply.header('connection', 'close');
    await this.#refuse(request);
    throw new ApiProblem('unauthorized');
  }

  #ofCertificate({ raw }: FastifyRequest, { certificateRole }: Arrival): Principal | null {
    if (certificateRole === null) return null;
    const names = certificateNames(raw.socket as TLSSocket);
    const [first] = names;
    if (first === undefined) return null;
    for (const name of names) {
      const role = this.#context.credentials.roleOf(name);
      if (role !== null) return { name, role };
    }
    return { name: first, role: certificateRole };
  }

  async #refuse(request: FastifyRequest): Promise<void> {
    const { clock } = this.#context;
    const address = request.ip ?? 'socket';
    const waitMs = this.#limiter.fail(peerOf(address), clock.monotonicMs());
    if (waitMs === 0) return;
    this.#tell(address);
    await this.#limiter.hold((ms) => delay(ms, undefined, { ref: false }));
    throw new ApiProblem('tooManyAttempts', undefined, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
  }

  #tell(address: string): void {
    const { clock, events } = this.#context;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#toldAtMs < loginsToldEveryMs) return;
    this.#toldAtMs = nowMs;
    events.add({
      name: 'logins-refused',
      level: 'warn',
      text: `Many wrong tokens come from ${address}: they are answered slowly.`,
      detail: { address },
    });
  }
}

const ofSocket = ({ socketRole }: Arrival): Principal | null =>
  socketRole === null ? null : { name: 'socket', role: socketRole };
