// The record as a whole: its check, its rollouts, what was frozen at a revert. The store's thread does the
// reading.
import type { FastifyInstance } from 'fastify';
import type { EvidenceSummary } from '#src/record/record-reader.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem, requireRead } from './problem.ts';
import { RecordId, VerifyQuery } from './schemas.ts';

/** Per answer; the newest are the ones that are asked for. */
const evidenceListMax = 100;
const rolloutsMax = 100;

export function addRecordRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/evidence',
    { schema: { summary: 'What was frozen at reverts, the latest first, without its bulk.' } },
    async () => ({ evidence: await evidenceList(context) }),
  );

  app.get<{ Params: RecordId }>(
    '/v1/evidence/:id',
    { schema: { summary: 'All that was frozen at a revert.', params: RecordId } },
    async (request) => {
      const { id } = request.params;
      const waiting = context.store.queuedEvidence.find((evidence) => evidence.id === id);
      if (waiting !== undefined) return waiting;
      const kept = requireRead(await context.store.read('evidence', id));
      if (kept === null) throw new ApiProblem('notFound', `There is no evidence ${id}.`);
      return kept;
    },
  );

  app.get<{ Querystring: VerifyQuery }>(
    '/v1/record/verify',
    { schema: { summary: 'Checks the whole record for changes.', querystring: VerifyQuery } },
    async (request) => requireRead(await context.store.read('checkRecord', request.query.end ?? null)),
  );

  app.get('/v1/rollouts', { schema: { summary: 'Rollouts on record, the latest first.' } }, async () => ({
    rollouts: requireRead(await context.store.read('rollouts', rolloutsMax)),
  }));

  app.get<{ Params: RecordId }>(
    '/v1/rollouts/:id',
    { schema: { summary: 'Everything on record about a rollout; `last` is the latest.', params: RecordId } },
    async (request) => {
      const { id } = request.params;
      const record = requireRead(await context.store.read('rolloutRecord', id, context.clock.epochMs()));
      if (record === null) throw new ApiProblem('notFound', `There is no rollout ${id} on record.`);
      return { version: context.version, ...record };
    },
  );
}

/** Also what waits for the store, and while the store cannot be read. */
async function evidenceList({ store }: ApiContext): Promise<EvidenceSummary[]> {
  const waiting = store.queuedEvidence.map(
    ({ verdict: _v, windows: _w, routes: _r, samples: _s, nodes: _n, ...summary }): EvidenceSummary =>
      summary,
  );
  const kept = await store.read('evidenceList', evidenceListMax);
  if (!kept.ok && waiting.length > 0) return waiting;
  // What was written meanwhile is in both.
  const known = new Set(waiting.map(({ id }) => id));
  return [...waiting, ...requireRead(kept).filter(({ id }) => !known.has(id))];
}
