// What stands outside the traffic, by hand: freeze and thaw, approve a step, push samples of a business
// metric.
import type { FastifyInstance } from 'fastify';
import type { PushedSample, PushOutcome } from '#src/control-plane/signals/business-metrics/metric-watch.ts';
import type { FreezeView } from '#src/control-plane/signals/freeze.ts';
import type { ApprovalOutcome } from '#src/control-plane/signals/gates/gates.ts';
import { rolloutView } from '#src/control-plane/status/status.ts';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { ApiProblem } from './problem.ts';
import { Approval, FreezeChange, MetricParams, MetricSample } from './schemas.ts';

/** RFC 3339, offset included: a local time would mean another moment on each machine. */
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

export function addSignalRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/freeze',
    { schema: { summary: 'Whether starts and advances are frozen, by whom, why, and until when.' } },
    async () => freezeView(context.signals.freeze.view),
  );

  app.put<{ Body: FreezeChange }>(
    '/v1/freeze',
    { schema: { summary: 'Freezes starts and advances, or lifts the freeze.', body: FreezeChange } },
    async (request) => {
      const { frozen, reason = '', until = null, actor } = request.body;
      const untilMs = untilOf(frozen, until, context.clock.epochMs());
      const by = actor === undefined ? actorOf(request) : actorOf(request, actor);
      return freezeView(context.signals.freeze.set({ frozen, reason, untilMs, actor: by }));
    },
  );

  app.post<{ Body: Approval }>(
    '/v1/rollout/approve',
    {
      schema: {
        summary: 'Approves the next move at a manual gate, once, for the revision named.',
        body: Approval,
      },
    },
    async (request) => {
      const { revision, gate = null, reason = '' } = request.body;
      const { rollout, signals } = context;
      const actor = actorOf(request);
      const outcome = await signals.gates.approve(rollout.state, { revision, gate, actor, reason });
      requireApproved(outcome, context);
      return signals.gates.approvalView(rollout.state);
    },
  );

  app.post<{ Params: MetricParams; Body: MetricSample }>(
    '/v1/metrics/:name',
    {
      schema: {
        summary: 'Takes a sample of a pushed business metric.',
        params: MetricParams,
        body: MetricSample,
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      requireTaken(context.signals.metrics.push(name, sampleOf(request.body)), name);
      return reply.code(204).send();
    },
  );
}

const freezeView = ({ untilMs, sinceMs, ...view }: FreezeView) => ({
  ...view,
  since: sinceMs === null ? null : new Date(sinceMs).toISOString(),
  until: untilMs === null ? null : new Date(untilMs).toISOString(),
});

const invalid = (pointer: string, detail: string): ApiProblem =>
  new ApiProblem('invalidRequest', detail, { errors: [{ pointer, detail }] });

function untilOf(frozen: boolean, until: string | null, nowMs: number): number | null {
  if (until === null) return null;
  if (!frozen) throw invalid('#/until', 'until belongs to a freeze');
  const untilMs = timePattern.test(until) ? Date.parse(until) : Number.NaN;
  if (!Number.isFinite(untilMs))
    throw invalid('#/until', 'expected a time with its offset, such as 2026-12-24T18:00:00Z');
  if (untilMs <= nowMs) throw invalid('#/until', 'that time is over already');
  return untilMs;
}

function requireApproved(outcome: ApprovalOutcome, context: ApiContext): void {
  if (outcome.ok) return;
  const current = {
    ...context.signals.gates.approvalView(context.rollout.state),
    ...rolloutView(context.rollout.state),
  };
  switch (outcome.kind) {
    case 'store':
      throw new ApiProblem('storeUnavailable', outcome.problem.text, { current });
    case 'stale':
      throw new ApiProblem('staleRevision', outcome.text, { current });
    case 'refused':
      throw new ApiProblem('wrongState', outcome.text, { current });
    case 'ambiguous':
      throw invalid('#/gate', outcome.text);
  }
}

function sampleOf({ cluster, value, successes, trials }: MetricSample): PushedSample {
  if (value !== undefined && successes === undefined && trials === undefined) return { cluster, value };
  if (value !== undefined || successes === undefined || trials === undefined)
    throw invalid('#', 'expected value, or successes and trials');
  if (successes > trials) throw invalid('#/successes', `${successes} successes of ${trials} trials`);
  return { cluster, successes, trials };
}

function requireTaken(outcome: PushOutcome, name: string): void {
  if (outcome === 'taken') return;
  if (outcome === 'unknown') throw new ApiProblem('notFound', `There is no metric ${name}.`);
  throw invalid('#', `metric ${name} takes other samples: its pushed setting says which`);
}
