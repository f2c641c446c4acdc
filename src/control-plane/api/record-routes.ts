// The record as a whole: its check, its rollouts, what was frozen at a revert. Long reading is done in pages, so that the
// control loop keeps its ticks.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { readRolloutRecord } from '../record/rollout-record.ts';
import { checkRecord } from '../store/record-check.ts';
import type { EvidenceSummary } from '../store/record-reader.ts';
import type { StoreResult } from '../store/store-result.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem } from './problem.ts';
import { RecordId } from './schemas.ts';

/** Per answer; the newest are the ones that are asked for. */
const evidenceListMax = 100;
const rolloutsMax = 100;

export function addRecordRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/evidence',
    { schema: { summary: 'What was frozen at reverts, the latest first, without its bulk.' } },
    async () => ({ evidence: evidenceList(context) }),
  );

  app.get<{ Params: RecordId }>(
    '/v1/evidence/:id',
    { schema: { summary: 'All that was frozen at a revert.', params: RecordId } },
    async (request) => {
      const { id } = request.params;
      const waiting = context.store.queuedEvidence.find((evidence) => evidence.id === id);
      if (waiting !== undefined) return waiting;
      const kept = requireRead(context.store.readRecord((record) => record.evidence(id)));
      if (kept === null) throw new ApiProblem('notFound', `There is no evidence ${id}.`);
      return kept;
    },
  );

  app.get('/v1/record/verify', { schema: { summary: 'Checks the whole record for changes.' } }, async () =>
    requireRead(await finished(checkRecord(context.store))),
  );

  app.get('/v1/rollouts', { schema: { summary: 'Rollouts on record, the latest first.' } }, async () => ({
    rollouts: requireRead(context.store.readRecord((record) => record.rollouts(rolloutsMax))),
  }));

  app.get<{ Params: RecordId }>(
    '/v1/rollouts/:id',
    { schema: { summary: 'Everything on record about a rollout; `last` is the latest.', params: RecordId } },
    async (request) => {
      const { id } = request.params;
      const reading = readRolloutRecord(context.store, id, context.clock.epochMs());
      const record = requireRead(await finished(reading));
      if (record === null) throw new ApiProblem('notFound', `There is no rollout ${id} on record.`);
      return { version: context.version, ...record };
    },
  );
}

/** Also what waits for the store, and while the store cannot be read. */
function evidenceList({ store }: ApiContext): EvidenceSummary[] {
  const waiting = store.queuedEvidence.map(
    ({ verdict: _v, windows: _w, routes: _r, samples: _s, nodes: _n, ...summary }): EvidenceSummary =>
      summary,
  );
  const kept = store.readRecord((record) => record.evidenceList(evidenceListMax));
  if (!kept.ok && waiting.length === 0) throw new ApiProblem('storeUnavailable', kept.problem.text);
  return [...waiting, ...(kept.ok ? kept.value : [])];
}

function requireRead<T>(result: StoreResult<T>): T {
  if (!result.ok) throw new ApiProblem('storeUnavailable', result.problem.text);
  return result.value;
}

/** Lets everything else have its turn after each page. */
async function finished<T>(pages: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = pages.next();
    if (done === true) return value;
    await nextTurn();
  }
}
