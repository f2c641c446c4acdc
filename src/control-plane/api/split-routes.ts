// The split: read it, or set it by hand while no rollout runs or it is paused.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { splitView } from '#src/control-plane/status/status.ts';
import { PPM } from '#src/limits.ts';
import type { Split as SplitState } from '#src/shared-memory/split-cell.ts';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { dispatchWhenOpen, recordedMsMax, requireApplied } from './outcome.ts';
import { ApiProblem } from './problem.ts';
import { ChangedSplit, Split, SplitChange } from './schemas.ts';

/** The weight is part of the tag because epochs begin anew with the process. */
const etagOf = ({ epoch, weightPpm }: Pick<SplitState, 'epoch' | 'weightPpm'>): string =>
  `"${epoch}-${weightPpm}"`;

export function addSplitRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/split',
    { schema: { summary: 'The split in percent.', response: { 200: Split } } },
    async (_request, reply) => {
      const split = context.sink.current();
      return reply.header('etag', etagOf(split)).send(splitView(split));
    },
  );

  app.put<{ Body: SplitChange }>(
    '/v1/split',
    {
      schema: {
        summary: 'Sets the split by hand. Refused with 409 while a rollout runs, unless it is paused.',
        body: SplitChange,
        response: { 200: ChangedSplit },
      },
    },
    async (request, reply) => {
      requireMatch(request, context);
      const { y, reason = '' } = request.body;
      const weightPpm = Math.round((y * PPM) / 100);
      const atMs = context.rollout.nowMs();
      const event = { type: 'set-split', atMs, weightPpm, actor: actorOf(request), reason } as const;
      requireApplied(await dispatchWhenOpen(event, request.body, context), context);
      const recorded = await context.store.recorded(recordedMsMax);
      const split = context.sink.current();
      return reply.header('etag', etagOf(split)).send({ ...splitView(split), recorded });
    },
  );
}

/** If-Match, when sent, must name the present split (RFC 9110 13.1.1): a lost update is refused. */
function requireMatch(request: FastifyRequest, context: ApiContext): void {
  const wanted = request.headers['if-match'];
  if (wanted === undefined) return;
  const split = context.sink.current();
  const tags = wanted.split(',').map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(etagOf(split))) return;
  throw new ApiProblem('staleRevision', undefined, { current: splitView(split) });
}
