// The API as OpenAPI 3, made when somebody first asks for it: what makes it is 91 modules, which the API
// itself does not need.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify';

type OpenApi = NonNullable<FastifyDynamicSwaggerOptions['openapi']>;

interface Description {
  /** The OpenAPI document; the same one for all who ask. */
  document(): Promise<object>;
}

/** Describes the routes that `app` is given from here on, HEAD and hidden ones excepted. */
export function describeRoutes(app: FastifyInstance, openapi: OpenApi): Description {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD' && route.schema?.hide !== true) routes.push(route);
  });
  let made: Promise<object> | null = null;
  const make = () =>
    makeDocument(routes, openapi).catch((error: unknown) => {
      made = null; // the next who asks may be luckier
      throw error;
    });
  return {
    document: () => {
      made ??= make();
      return made;
    },
  };
}

/**
 * @fastify/swagger reads what an instance is given, so an instance that serves nobody is given the same
 * routes.
 */
async function makeDocument(routes: readonly RouteOptions[], openapi: OpenApi): Promise<object> {
  const { default: swagger } = await import('@fastify/swagger');
  const described = fastify({ logger: false, exposeHeadRoutes: false });
  described.setValidatorCompiler(() => () => true);
  described.setSerializerCompiler(() => JSON.stringify);
  await described.register(swagger, { openapi });
  for (const { method, url, schema = {} } of routes)
    described.route({ method, url, schema, handler: async () => {} });
  await described.ready();
  const document = described.swagger();
  await described.close();
  return document;
}
