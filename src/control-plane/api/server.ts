// The control API: puts routes, access checks, schemas and error responses together. What each route does is
// in its file.
import process from 'node:process';
import fastify, { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify';
import { visibleText } from '#src/base/visible-text.ts';
import type { OpenPath, Role } from '#src/config/control-config.ts';
import type { ApiListener } from '#src/control-plane/listening/api-listener.ts';
import { apiBodyBytesMax } from '#src/limits.ts';
import { guardAccess } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { addInsightRoutes } from './insight-routes.ts';
import { addNodeRoutes } from './node-routes.ts';
import { describeRoutes } from './openapi.ts';
import { addProbeRoutes } from './probe-routes.ts';
import { ApiProblem, rescue, sendProblem } from './problem.ts';
import { addRecordRoutes } from './record-routes.ts';
import { RefusedCommands } from './refused-commands.ts';
import { RequestValidators } from './request-validators.ts';
import { addRolloutRoutes } from './rollout-routes.ts';
import { neededFor } from './route-roles.ts';
import { addSignalRoutes } from './signal-routes.ts';
import { addSplitRoutes } from './split-routes.ts';
import { addStreamRoute } from './stream-route.ts';

// Not imported: an import reads every export, and WebSocket among them loads Node's HTTP client.
const { createServer } = process.getBuiltinModule('node:http');

export interface RouteEntry {
  readonly method: string;
  readonly url: string;
  readonly needs: Role | { readonly open: OpenPath };
}

export interface ControlApi {
  readonly app: FastifyInstance;
  /** Every route, as documented in docs/api.md. */
  readonly routes: readonly RouteEntry[];
}

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/**
 * In place of Fastify's, which would be loaded: 2 MiB of heap with what they compile. Requests get the
 * validators of setUpBodies, and answers are made from our own views, which their schemas only describe.
 */
const ownCompilers = {
  buildValidator: () => (): never => {
    throw new Error('every request has a validator of ours');
  },
  buildSerializer: () => () => (answer: unknown) => JSON.stringify(answer),
};

/** Builds the API on a listener. The caller opens and closes the listener, and closes `app`. */
export async function createControlApi(context: ApiContext, listener: ApiListener): Promise<ControlApi> {
  const app = fastify({
    logger: false,
    bodyLimit: apiBodyBytesMax,
    exposeHeadRoutes: true,
    schemaController: { compilersFactory: ownCompilers },
    serverFactory: (handler) => {
      listener.handler = handler;
      // Requests come from our own listeners; this server never listens.
      return createServer();
    },
  });
  const routes = collectRoutes(app);
  setUpBodies(app);
  setUpErrors(app, context);
  app.addHook('onRequest', async (_request, reply) => void reply.headers(securityHeaders));
  guardAccess(app, context, listener);
  const description = describeRoutes(app, openApiOf(context));
  addProbeRoutes(app, context);
  addSplitRoutes(app, context);
  addRolloutRoutes(app, context);
  addSignalRoutes(app, context);
  addInsightRoutes(app, context);
  addRecordRoutes(app, context);
  addNodeRoutes(app, context);
  addStreamRoute(app, context);
  app.get('/openapi.json', { schema: { summary: 'This API as OpenAPI 3.' } }, async () =>
    description.document(),
  );
  const table = routes.slice();
  refuseOtherMethods(app, table);
  await app.ready();
  return { app, routes: table };
}

function collectRoutes(app: FastifyInstance): RouteEntry[] {
  const routes: RouteEntry[] = [];
  app.addHook('onRoute', (route: RouteOptions) => {
    const methods = Array.isArray(route.method) ? route.method : [route.method];
    for (const method of methods) {
      routes.push({ method, url: route.url, needs: neededFor(method, route.url) ?? 'read' });
    }
  });
  return routes;
}

/** JSON alone, and strictly: unknown members and wrong types are errors. */
function setUpBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parseJson(request, body as string, done);
  });
  app.addHook('preValidation', async (request) => {
    request.body ??= {};
  });
  app.addHook('preHandler', async ({ body }) => showFreeTexts(body));
  const validators = new RequestValidators();
  app.setValidatorCompiler<FastifySchema>(({ schema, httpPart }) =>
    validators.compile(schema as object, httpPart),
  );
}

/** Members that say something in an operator's own words, and are kept. */
const freeTexts = ['reason', 'actor'] as const;

function showFreeTexts(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const members = body as Record<string, unknown>;
  for (const name of freeTexts) {
    const text = members[name];
    if (typeof text === 'string') members[name] = visibleText(text);
  }
}

function setUpErrors(app: FastifyInstance, context: ApiContext): void {
  const onUnexpected = (error: unknown): void =>
    context.log({
      level: 'error',
      message: 'the control API failed',
      fields: { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    });
  const refused = new RefusedCommands(context);
  app.setErrorHandler((error, request, reply) => {
    const problem = rescue(error, onUnexpected);
    refused.note(request, problem);
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, new ApiProblem('notFound')));
}

function refuseOtherMethods(app: FastifyInstance, routes: readonly RouteEntry[]): void {
  for (const url of new Set(routes.map((route) => route.url))) {
    const allowed = routes.filter((route) => route.url === url).map(({ method }) => method);
    const others = everyMethod.filter((method) => !allowed.includes(method));
    app.route({
      method: others,
      url,
      schema: { hide: true },
      handler: () => {
        throw new ApiProblem('methodNotAllowed', undefined, { allow: allowed.join(', ') });
      },
    });
  }
}

function openApiOf(context: ApiContext) {
  return {
    info: {
      title: 'Crossover control API',
      version: context.version,
      description: 'Errors are RFC 9457 problem details with a `code`; see docs/errors.md.',
    },
    components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
    security: [{ token: [] }],
  };
}
