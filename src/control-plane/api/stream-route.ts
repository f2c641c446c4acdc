// Server-sent events: the status every second and every event as it happens. Bounded in clients and in what
// may wait for a slow one. https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { apiEventsMax } from '#src/limits.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { ApiContext } from './api-context.ts';
import { eventsAfter } from './insight-routes.ts';
import { ApiProblem } from './problem.ts';

/** Streams at a time: pages and terminals of one team. */
export const streamClientsMax = 32;
/**
 * Bytes that may wait for a client before it is dropped: a minute of statuses. It reconnects with its last
 * event id.
 */
export const streamBacklogBytesMax = 256 * 1024;
const statusEveryMs = 1_000;

export function addStreamRoute(app: FastifyInstance, context: ApiContext): void {
  const clients = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | null = null;

  const sendToAll = (text: string): void => {
    for (const client of clients) send(client, text);
  };
  const unsubscribe = context.events.subscribe((event) => sendToAll(eventText(event)));
  const begin = (client: ServerResponse): void => {
    clients.add(client);
    timer ??= setInterval(() => sendToAll(statusText(context)), statusEveryMs);
    client.on('error', () => client.destroy());
    client.on('close', () => {
      clients.delete(client);
      if (clients.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
    });
  };

  app.addHook('preClose', async () => {
    unsubscribe();
    for (const client of clients) client.destroy();
  });

  app.get(
    '/v1/stream',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Server-sent events: `status` every second, `event` as they happen; honours Last-Event-ID.',
      },
    },
    async (request, reply) => {
      if (clients.size >= streamClientsMax) throw new ApiProblem('streamsExhausted');
      const missed = await missedEvents(request, context);
      if (clients.size >= streamClientsMax) throw new ApiProblem('streamsExhausted');
      const client = openStream(reply);
      begin(client);
      send(client, statusText(context));
      for (const event of missed) send(client, eventText(event));
    },
  );
}

function openStream(reply: FastifyReply): ServerResponse {
  reply.hijack();
  const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream; charset=utf-8' };
  reply.raw.writeHead(200, headers as Record<string, string>);
  return reply.raw;
}

async function missedEvents(request: FastifyRequest, context: ApiContext): Promise<RecordedEvent[]> {
  const last = request.headers['last-event-id'];
  if (typeof last !== 'string' || !/^\d{1,15}$/.test(last)) return [];
  return eventsAfter(context, Number(last), apiEventsMax);
}

function send(client: ServerResponse, text: string): void {
  if (client.writableLength > streamBacklogBytesMax) client.destroy();
  else client.write(text);
}

const statusText = (context: ApiContext): string =>
  `event: status\ndata: ${JSON.stringify(context.status())}\n\n`;

const eventText = (event: RecordedEvent): string =>
  `id: ${event.id}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`;
