// A transition in the form of each kind of receiver: our own JSON, Slack's incoming webhooks, PagerDuty's
// Events v2.

import { transitionText } from '#src/control-plane/rollout/transition-text.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { notifiedRolloutId } from '#src/core/rollout/rollout-id.ts';

export interface MessageContext {
  /** Labels of the clusters, and the control API's address where it is known. */
  readonly x: string;
  readonly y: string;
  readonly url: string | null;
  /**
   * The hash that the record ends with: kept by the receiver, it proves later that nothing before it was cut
   * off. Null while unknown.
   */
  readonly recordEnd: string | null;
}

const linkTo = ({ url }: MessageContext): string | null => url;
const upgradeText = ({ x, y }: MessageContext): string => `${x} to ${y}`;

/** Plain JSON, everything a receiver may want to look at; `id` is the same when it is sent again. */
export function webhookMessage(transition: Transition, context: MessageContext, id: string): unknown {
  const { name, atMs, actor, reason, from, to } = transition;
  return {
    id,
    event: `rollout-${name}`,
    text: transitionText(transition),
    rolloutId: notifiedRolloutId(transition),
    phase: to.phase,
    previousPhase: from.phase,
    weight: percentOf(to.weightPpm),
    previousWeight: percentOf(from.weightPpm),
    step: 'stepIndex' in to ? { index: to.stepIndex, count: to.plan.stepsPpm.length } : null,
    clusters: { x: context.x, y: context.y },
    actor,
    reason,
    at: new Date(atMs).toISOString(),
    url: linkTo(context),
    recordEnd: context.recordEnd,
  };
}

/** https://api.slack.com/reference/surfaces/formatting#escaping */
const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** https://api.slack.com/messaging/webhooks */
export function slackMessage(transition: Transition, context: MessageContext): unknown {
  const url = linkTo(context);
  const link = url === null ? '' : ` (<${escapeSlack(url)}|open>)`;
  const mark = transition.name === 'reverted' ? ':rotating_light: ' : '';
  const head = `${mark}*${escapeSlack(upgradeText(context))}*: ${escapeSlack(transitionText(transition))}`;
  const end = context.recordEnd === null ? '' : `\nRecord: \`${context.recordEnd}\``;
  return { text: `${head} By ${escapeSlack(transition.actor)}.${link}${end}` };
}

/** Which transitions PagerDuty is told of: a revert, and what shows that somebody has dealt with it. */
export function pagerDutyAction({ name }: Pick<Transition, 'name'>): 'trigger' | 'resolve' | null {
  if (name === 'reverted') return 'trigger';
  return name === 'started' || name === 'completed' ? 'resolve' : null;
}

/**
 * https://developer.pagerduty.com/docs/events-api-v2-overview. One alert per upgrade: the next start resolves
 * the last revert.
 */
export function pagerDutyMessage(
  transition: Transition,
  context: MessageContext,
  id: string,
  routingKey: string,
): unknown {
  const action = pagerDutyAction(transition);
  const basics = {
    routing_key: routingKey,
    event_action: action,
    dedup_key: `crossover: ${upgradeText(context)}`.slice(0, 255),
  };
  if (action !== 'trigger') return basics;
  const url = linkTo(context);
  return {
    ...basics,
    payload: {
      summary: `${upgradeText(context)}: ${transitionText(transition)}`.slice(0, 1024),
      source: 'crossover',
      severity: 'error',
      timestamp: new Date(transition.atMs).toISOString(),
      component: context.y,
      custom_details: webhookMessage(transition, context, id),
    },
    ...(url === null ? {} : { links: [{ href: url, text: 'Crossover' }] }),
  };
}
