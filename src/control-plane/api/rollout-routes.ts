// The rollout: look at it, start one, and the operator's commands.
import type { FastifyInstance } from 'fastify';
import { rolloutView } from '#src/control-plane/status/status.ts';
import type { StepResult } from '#src/core/rollout/rollout-effect.ts';
import { type RolloutCommandName, rolloutCommandNames } from '#src/core/rollout/rollout-event.ts';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { dispatched, dispatchWhenOpen, recordedMsMax, requireApplied } from './outcome.ts';
import { makePlan } from './plan.ts';
import { ApiProblem } from './problem.ts';
import { Command, RolloutStart, Unpark } from './schemas.ts';

const summaries: Readonly<Record<RolloutCommandName, string>> = {
  pause: 'Holds the rollout at its weight; the split may then be set by hand.',
  resume: 'Goes on with a paused rollout.',
  advance: 'Goes to the next step without waiting for the verdict.',
  promote: 'Goes to all of Y but the holdback.',
  revert:
    'Sends everything to X, at once and from any state; works while the store does not, and when everything is there already.',
  complete: 'Ends the rollout with everything on Y.',
};

export function addRolloutRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get('/v1/rollout', { schema: { summary: 'The rollout as it stands.' } }, async () =>
    rolloutView(context.rollout.state),
  );

  app.post<{ Body: RolloutStart }>(
    '/v1/rollout',
    {
      schema: {
        summary: 'Starts a rollout; what the body leaves out comes from the config.',
        body: RolloutStart,
      },
    },
    async (request, reply) => {
      const startedAtMs = context.rollout.nowMs();
      const origin = { startedAtMs, startedBy: actorOf(request), reason: request.body.reason ?? '' };
      const made = makePlan(context.config().rollout, request.body, { ...context.newRollout(), ...origin });
      if (!made.ok) {
        throw new ApiProblem('invalidRequest', 'The plan is not valid.', { errors: made.errors });
      }
      const start = { type: 'start', atMs: startedAtMs, plan: made.plan } as const;
      requireApplied(await dispatched(start, context), context);
      return reply.code(201).header('location', '/v1/rollout').send(rolloutView(context.rollout.state));
    },
  );

  for (const name of rolloutCommandNames) addCommand(app, context, name);
  addUnpark(app, context);
}

function addUnpark(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Body: Unpark }>(
    '/v1/rollout/unpark',
    { schema: { summary: 'Gives a route that is parked on X back to the split.', body: Unpark } },
    async (request) => {
      const { route, reason = '' } = request.body;
      const atMs = context.rollout.nowMs();
      const event = { type: 'unpark', atMs, route, actor: actorOf(request), reason } as const;
      requireApplied(await dispatchWhenOpen(event, request.body, context), context);
      return rolloutView(context.rollout.state);
    },
  );
}

/** Whether there is anything to record: what was asked for may be so already. */
const isChange = (result: StepResult): boolean =>
  result.ok && result.effects.some(({ type }) => type === 'persist');

function addCommand(app: FastifyInstance, context: ApiContext, name: RolloutCommandName): void {
  app.post<{ Body: Command }>(
    `/v1/rollout/${name}`,
    { schema: { summary: summaries[name], body: Command } },
    async (request) => {
      const { reason = '' } = request.body;
      const atMs = context.rollout.nowMs();
      const event = { type: 'command', atMs, name, actor: actorOf(request), reason } as const;
      const changed = isChange(context.rollout.decide(event));
      requireApplied(await dispatchWhenOpen(event, request.body, context), context);
      const recorded = await context.store.recorded(recordedMsMax);
      return { ...rolloutView(context.rollout.state), changed, recorded };
    },
  );
}
