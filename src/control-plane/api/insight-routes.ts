// What people look at: the status, the evidence, the record, the traffic of past minutes; and the config's
// reload.
import type { FastifyInstance } from 'fastify';
import { rolloutView } from '#src/control-plane/status/status.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem, requireRead } from './problem.ts';
import { EventsQuery, HistoryQuery, NoBody } from './schemas.ts';

const dayMs = 24 * 60 * 60_000;
/** Minutes per answer: a week, about 2 MB. */
const minutesMax = 7 * 24 * 60;
/** Records of ten seconds of traffic per answer: ten minutes, at most about 5 MB. */
const trafficRecordsMax = 60;

export function addInsightRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get('/v1/status', { schema: { summary: 'Everything at a glance.' } }, async () => context.status());

  app.get(
    '/v1/analysis',
    { schema: { summary: 'The last verdict with every number it rests on.' } },
    async () => ({
      verdict: context.verdict(),
      rollout: rolloutView(context.rollout.state),
    }),
  );

  app.get<{ Querystring: EventsQuery }>(
    '/v1/events',
    { schema: { summary: 'The record: events after the given id, oldest first.', querystring: EventsQuery } },
    async (request) => {
      const { after, limit } = request.query;
      const events = await eventsAfter(context, after, limit);
      return { events, last: events.at(-1)?.id ?? after };
    },
  );

  app.get<{ Querystring: HistoryQuery }>(
    '/v1/history',
    {
      schema: {
        summary: 'Traffic by minute; the last day unless told otherwise.',
        querystring: HistoryQuery,
      },
    },
    async (request) => {
      const to = request.query.to ?? context.clock.epochMs();
      const from = request.query.from ?? to - dayMs;
      const minutes = requireRead(await context.store.read('readMinutes', from, to, minutesMax));
      return { from, to, minutes };
    },
  );

  app.get<{ Querystring: HistoryQuery }>(
    '/v1/history/windows',
    {
      schema: {
        summary: 'All counts that are kept, ten minutes at a time, with the thresholds now in force.',
        querystring: HistoryQuery,
      },
    },
    async (request) => {
      const { from = 0, to = context.clock.epochMs() } = request.query;
      const windows = requireRead(await context.store.read('readTraffic', from, to, trafficRecordsMax));
      const last = windows.at(-1);
      return {
        thresholds: context.config().thresholds,
        windows,
        next: last === undefined ? null : last.atMs + 1,
      };
    },
  );

  app.post(
    '/v1/config/reload',
    { schema: { summary: 'Reads the config file again: all of it takes effect, or nothing.', body: NoBody } },
    async () => {
      const result = await context.supervisor.reload();
      if (!result.ok) throw new ApiProblem('configInvalid', undefined, { errors: result.problems });
      const { configRevision, changed, warnings } = result;
      return { configRevision, changed, warnings };
    },
  );
}

/** From the store, and from memory what the store does not have (yet). */
export async function eventsAfter(
  context: ApiContext,
  after: number,
  limit: number,
): Promise<RecordedEvent[]> {
  const stored = await context.store.read('readEvents', after, limit);
  const events = stored.ok ? stored.value : [];
  const missing = limit - events.length;
  if (missing === 0) return events;
  return [...events, ...context.events.remembered(events.at(-1)?.id ?? after, missing)];
}
