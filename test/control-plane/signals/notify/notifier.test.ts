import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Notification } from '#src/config/signals-config.ts';
import { EventLog } from '#src/control-plane/events/event-log.ts';
import { type OutgoingAnswer, OutgoingClient } from '#src/control-plane/outgoing/outgoing-client.ts';
import { slackMessage } from '#src/control-plane/signals/notify/message-formats.ts';
import { Notifier } from '#src/control-plane/signals/notify/notifier.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { parseCidr } from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';
import { notificationsQueuedMax } from '#src/limits.ts';
import { done } from '#src/record/store-result.ts';
import { untilByTurns } from '../../../support/until.ts';
import { httpPeer } from '../../support/http-peer.ts';
import { Settings, SignalRig } from '../../support/signal-rig.ts';
import { testPlan } from '../../support/states.ts';

const context = {
  x: 'kong-3.4',
  y: 'kong-3.10',
  url: 'https://crossover.example.com',
  recordEnd: 'ab'.repeat(32),
};

const transition = (name: Transition['name'], reason = 'because'): Transition => ({
  atMs: Date.parse('2026-01-07T12:00:00Z'),
  name,
  from: {
    phase: 'ramping',
    plan: testPlan,
    stepIndex: 1,
    weightPpm: 100_000,
    stepSinceMs: 0,
    hold: null,
    yDownSinceMs: null,
  },
  to: {
    phase: 'reverted',
    plan: testPlan,
    weightPpm: 0,
    sinceMs: 0,
    fromWeightPpm: 100_000,
    stepIndex: 1,
    cause: { name: 'operator', text: reason },
  },
  actor: 'ana',
  reason,
  evidence: null,
});

/** A process; one with the settings of another is what comes after its restart. */
function notifierFor(
  t: TestContext,
  notifications: readonly Notification[],
  settings = new Settings(),
  epochMs = 1_767_787_200_000,
) {
  const texts: string[] = [];
  const waits: number[] = [];
  const listeners = new Set<() => void>();
  const events = new EventLog({ epochMs: () => 0, log: () => {} });
  events.subscribe(({ name, text }) => {
    texts.push(`${name}: ${text}`);
    for (const listener of listeners) listener();
  });
  const outgoing = new OutgoingClient(() => [parseCidr('127.0.0.0/8') as Cidr]);
  const notifier = new Notifier({
    notifications: () => notifications,
    context: () => context,
    stored: async () => {},
    outgoing,
    events,
    epochMs: () => epochMs,
    random: () => 0,
    wait: async (ms, signal) => {
      waits.push(ms);
      signal.throwIfAborted();
    },
    keep: (value) => settings.saveSetting('notifications', value),
    load: () => settings.loadSetting('notifications'),
  });
  notifier.restore();
  t.after(() => {
    notifier.stop();
    return outgoing.close();
  });
  const untilEvent = (): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => void (texts.length > 0 && resolve());
      listeners.add(check);
      check();
    });
  return { notifier, texts, waits, untilEvent };
}

const webhook = (
  url: string,
  on: Notification['on'] = ['reverted'],
  secret: string | null = null,
): Notification => ({
  name: 'audit',
  receiver: { kind: 'webhook', url, secret },
  on,
});

test('a webhook gets the transition as JSON, signed', async (t) => {
  const peer = await httpPeer(t);
  const { notifier } = notifierFor(t, [webhook(peer.url, ['reverted'], 's3cret')]);
  notifier.transition(transition('reverted'));
  const [got] = await peer.untilReceived(1);
  const body = JSON.parse(got?.body ?? '');
  assert.equal(body.id, got?.headers['idempotency-key']);
  assert.deepEqual(body, {
    id: body.id,
    event: 'rollout-reverted',
    text: 'Reverted to X from 10 % on Y: because.',
    rolloutId: testPlan.id,
    phase: 'reverted',
    previousPhase: 'ramping',
    weight: 0,
    previousWeight: 10,
    step: { index: 1, count: testPlan.stepsPpm.length },
    clusters: { x: 'kong-3.4', y: 'kong-3.10' },
    actor: 'ana',
    reason: 'because',
    at: '2026-01-07T12:00:00.000Z',
    url: 'https://crossover.example.com',
    recordEnd: 'ab'.repeat(32),
  });
  const hex = createHmac('sha256', 's3cret').update(`1767787200.${got?.body}`).digest('hex');
  assert.equal(got?.headers['x-crossover-signature'], `sha256=${hex}`);
});

test('only selected transitions are told', async (t) => {
  const peer = await httpPeer(t);
  const { notifier } = notifierFor(t, [webhook(peer.url, ['reverted', 'soak'])]);
  for (const name of ['started', 'step', 'soak', 'paused', 'reverted'] as const)
    notifier.transition(transition(name));
  const told = await peer.untilReceived(2);
  assert.deepEqual(
    told.map(({ body }) => JSON.parse(body).event),
    ['rollout-soak', 'rollout-reverted'],
  );
});

test('Slack gets one text with what it would take for markup escaped', () => {
  const { text } = slackMessage(transition('reverted', '<!channel> 5xx & more'), context) as { text: string };
  assert.equal(
    text,
    ':rotating_light: *kong-3.4 to kong-3.10*: Reverted to X from 10 % on Y: &lt;!channel&gt; 5xx &amp; more. By ana. (<https://crossover.example.com|open>)\nRecord: `abababababababababababababababababababababababababababababababab`',
  );
});

test('PagerDuty gets an alert on a revert, and what resolves it with the same key', async (t) => {
  const peer = await httpPeer(t, { status: 202 });
  const receiver = { kind: 'pagerduty', url: peer.url, routingKey: 'R0UTE' } as const;
  const { notifier } = notifierFor(t, [{ name: 'on-call', receiver, on: ['step'] }]);
  for (const name of ['started', 'step', 'reverted', 'paused', 'completed'] as const)
    notifier.transition(transition(name));
  const sent = (await peer.untilReceived(3)).map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    sent.map(({ event_action: action }) => action),
    ['resolve', 'trigger', 'resolve'],
  );
  assert.equal(new Set(sent.map(({ dedup_key: key }) => key)).size, 1);
  const [, alert] = sent;
  assert.equal(alert.routing_key, 'R0UTE');
  assert.deepEqual(
    [alert.payload.severity, alert.payload.source, alert.payload.summary],
    ['error', 'crossover', 'kong-3.4 to kong-3.10: Reverted to X from 10 % on Y: because.'],
  );
  assert.deepEqual(alert.links, [{ href: 'https://crossover.example.com', text: 'Crossover' }]);
});

test('a message is tried again while nobody takes it, in order, and then given up with an event', async (t) => {
  const peer = await httpPeer(t, { status: 500 });
  const { notifier, texts, waits, untilEvent } = notifierFor(t, [webhook(peer.url, ['step', 'reverted'])]);
  notifier.transition(transition('step'));
  notifier.transition(transition('reverted'));
  await untilEvent();
  assert.deepEqual(texts, ['notification-failed: audit could not be told of step: it answered 500.']);
  assert.deepEqual(waits.slice(0, 7), [500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
  assert.ok(peer.received.slice(0, 8).every(({ body }) => JSON.parse(body).event === 'rollout-step'));
});

test('a message that is refused is not sent again', async (t) => {
  const peer = await httpPeer(t, { status: 400 });
  const { notifier, waits, untilEvent } = notifierFor(t, [webhook(peer.url)]);
  notifier.transition(transition('reverted'));
  await untilEvent();
  assert.deepEqual(
    [waits.length, notifier.counts()],
    [0, [{ receiver: 'audit', result: 'failed', count: 1 }]],
  );
});

test('a receiver that hangs holds back nobody, and its queue is bounded', async (t) => {
  const hanging = await httpPeer(t, null);
  const good = await httpPeer(t);
  const { notifier, texts } = notifierFor(t, [
    webhook(hanging.url, ['step']),
    { ...webhook(good.url, ['step']), name: 'good' },
  ]);
  for (let index = 0; index < notificationsQueuedMax + 5; index++)
    notifier.transition(transition('step', `${index}`));
  const hung = await hanging.untilReceived(1);
  assert.equal(JSON.parse(hung[0]?.body ?? '').reason, '0', 'the one on its way is not dropped');
  await good.untilReceived(1);
  const dropped = texts.filter((text) =>
    text.includes('audit could not be told of step: too many wait for it'),
  );
  assert.equal(dropped.length, 5);
  assert.ok(notifier.queuedCount >= notificationsQueuedMax);
});

test('a full queue drops the oldest that is not on its way, and sends the rest in order', async (t) => {
  const sent: number[] = [];
  const dropped: unknown[] = [];
  const events = new EventLog({ epochMs: () => 0, log: () => {} });
  events.subscribe(({ detail }) => dropped.push((detail as { transitionAtMs: number }).transitionAtMs));
  const all = Promise.withResolvers<void>();
  const first = Promise.withResolvers<OutgoingAnswer>();
  const ok: OutgoingAnswer = { ok: true, status: 200, text: '' };
  const notifier = new Notifier({
    notifications: () => [webhook('http://10.0.0.1/', ['step'])],
    context: () => context,
    stored: async () => {},
    outgoing: {
      send: ({ body }) => {
        sent.push(Number(JSON.parse(body ?? '').reason));
        if (sent.length === notificationsQueuedMax) all.resolve();
        return sent.length === 1 ? first.promise : Promise.resolve(ok);
      },
    },
    events,
    epochMs: () => 0,
    random: () => 0,
    keep: async () => done,
    load: () => ({ ok: true, value: null }),
  });
  t.after(() => notifier.stop());
  for (let index = 0; index < notificationsQueuedMax + 5; index++)
    notifier.transition({ ...transition('step', `${index}`), atMs: index });
  first.resolve(ok);
  await all.promise;
  const rest = Array.from({ length: notificationsQueuedMax - 1 }, (_, index) => index + 6);
  assert.deepEqual(sent, [0, ...rest]);
  assert.deepEqual(dropped, [1, 2, 3, 4, 5]);
});

const bodies = (received: readonly { readonly body: string }[]) =>
  received.map(({ body }) => JSON.parse(body));

test('what was not taken is sent after a restart, in order, with the id that it had', async (t) => {
  const hanging = await httpPeer(t, null);
  const settings = new Settings();
  const first = notifierFor(t, [webhook(hanging.url, ['step', 'reverted'])], settings);
  first.notifier.transition(transition('step'));
  first.notifier.transition(transition('reverted'));
  const [attempt] = bodies(await hanging.untilReceived(1));
  await turn();
  first.notifier.stop();
  const good = await httpPeer(t);
  const second = notifierFor(t, [webhook(good.url, ['step', 'reverted'])], settings);
  second.notifier.transition(transition('reverted', 'again'));
  const sent = bodies(await good.untilReceived(3));
  assert.deepEqual(
    sent.map(({ event, reason }) => [event, reason]),
    [
      ['rollout-step', 'because'],
      ['rollout-reverted', 'because'],
      ['rollout-reverted', 'again'],
    ],
  );
  assert.equal(sent[0].id, attempt.id, 'who got it twice can tell');
  assert.equal(new Set(sent.map(({ id }) => id)).size, 3);
  const isKept = () => second.notifier.queuedCount === 0 && settings.kept.get('notifications') === '[]';
  await untilByTurns(isKept, 'all that was taken to be forgotten');
  const third = notifierFor(t, [webhook(good.url, ['step', 'reverted'])], settings);
  assert.equal(third.notifier.queuedCount, 0, 'what was taken is not sent again');
});

test('messages are kept without addresses, secrets and evidence', async (t) => {
  const hanging = await httpPeer(t, null);
  const settings = new Settings();
  const pagerDuty = { kind: 'pagerduty', url: hanging.url, routingKey: 'R0UTE' } as const;
  const { notifier } = notifierFor(
    t,
    [webhook(hanging.url, ['reverted'], 's3cret'), { name: 'on-call', receiver: pagerDuty, on: [] }],
    settings,
  );
  notifier.transition({ ...transition('reverted'), evidence: 'much evidence' });
  await hanging.untilReceived(2);
  await turn();
  const kept = settings.kept.get('notifications') ?? '';
  assert.equal(JSON.parse(kept).length, 2);
  for (const secret of ['s3cret', 'R0UTE', hanging.url, 'much evidence'])
    assert.ok(!kept.includes(secret), secret);
});

test('messages wait for a store that cannot be read or written, and are kept when it is back', async (t) => {
  const hanging = await httpPeer(t, null);
  const settings = new Settings();
  const audit = webhook(hanging.url, ['step', 'reverted']);
  const first = notifierFor(t, [audit], settings);
  first.notifier.transition(transition('step'));
  await turn();
  first.notifier.stop();
  settings.broken = true;
  const second = notifierFor(t, [audit], settings);
  second.notifier.transition(transition('reverted'));
  await turn();
  assert.equal(second.notifier.queuedCount, 1);
  settings.broken = false;
  second.notifier.restore();
  await turn();
  assert.equal(second.notifier.queuedCount, 2);
  const kept = JSON.parse(settings.kept.get('notifications') ?? '') as { transition: { name: string } }[];
  assert.deepEqual(
    kept.map(({ transition: { name } }) => name),
    ['reverted', 'step'],
    'the one on its way first',
  );
});

test('a message of the day before, or for a receiver that is gone, is given up after a restart', async (t) => {
  const hanging = await httpPeer(t, null);
  const settings = new Settings();
  const first = notifierFor(t, [webhook(hanging.url)], settings);
  first.notifier.transition(transition('reverted'));
  await turn();
  first.notifier.stop();
  const kept = settings.kept.get('notifications') ?? '';
  const late = notifierFor(t, [webhook(hanging.url)], settings, 1_767_787_200_000 + 25 * 3_600_000);
  assert.deepEqual(late.texts, [
    'notification-failed: audit could not be told of reverted: too much time has passed.',
  ]);
  settings.kept.set('notifications', kept);
  const without = notifierFor(t, [], settings);
  await without.untilEvent();
  assert.deepEqual(without.texts, [
    'notification-failed: audit could not be told of reverted: it is not in the configuration any more.',
  ]);
});

test('a rollout goes on while no receiver can be reached', async (t) => {
  const yaml = 'notifications: [{ name: chat, slack: "http://127.0.0.1:1/" }]\n';
  const rig = new SignalRig(t, { yaml });
  rig.start();
  await rig.until(() => rig.state.phase === 'completed');
  rig.command('revert');
  assert.equal(rig.state.phase, 'reverted');
});
