// What machines ask: is it alive, is it ready, what are its metrics.
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from './api-context.ts';

export function addProbeRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get('/livez', { schema: { summary: 'Whether the control plane runs.' } }, async () => ({
    status: 'alive',
  }));

  app.get(
    '/readyz',
    {
      schema: {
        summary:
          'Whether the proxy takes traffic and can record what happens: 200, or 503 with what is missing.',
      },
    },
    async (_request, reply) => {
      const checks = context.readiness();
      const ready = checks.every(({ passed }) => passed);
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not-ready', checks });
    },
  );

  app.get(
    '/metrics',
    { schema: { summary: 'Metrics in the Prometheus text format.' } },
    async (_request, reply) =>
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await context.metrics()),
  );
}
