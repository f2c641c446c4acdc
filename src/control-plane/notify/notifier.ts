// Tells receivers of what the rollout does: a bounded queue for each, worked off in order in the background. Nothing waits
// for it; what could not be delivered is said in the record.
import { setTimeout as delay } from 'node:timers/promises';
import type { Notification } from '#src/config/signals-config.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { notificationsQueuedMax } from '#src/limits.ts';
import type { EventLog } from '../event-log.ts';
import { type BackOff, backOffMs } from '../outgoing/back-off.ts';
import type { Outgoing, OutgoingAnswer } from '../outgoing/outgoing-client.ts';
import { signatureHeaders } from '../outgoing/signature.ts';
import {
  type MessageContext,
  pagerDutyAction,
  pagerDutyMessage,
  slackMessage,
  webhookMessage,
} from './message-formats.ts';

/** Attempts per message; with the back-off about four minutes, over which a receiver may restart. */
const attemptsMax = 8;
const backOff: BackOff = { baseMs: 1_000, maxMs: 60_000 };
const answerMsMax = 5_000;

export interface NotifierOptions {
  readonly notifications: () => readonly Notification[];
  readonly context: () => MessageContext;
  readonly outgoing: Outgoing;
  readonly events: Pick<EventLog, 'add'>;
  readonly epochMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves after so many ms; rejects when the signal aborts. Timers in production. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

interface Message {
  readonly receiver: Notification['receiver'];
  readonly transition: Transition['name'];
  readonly atMs: number;
  readonly body: string;
}

type Result = 'sent' | 'failed' | 'dropped';

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #stopped = new AbortController();
  readonly #queues = new Map<string, Message[]>();
  readonly #working = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Queues the transition for every receiver that wants to hear of it. */
  transition(transition: Transition): void {
    for (const { name, receiver, on } of this.#options.notifications()) {
      const wanted =
        receiver.kind === 'pagerduty' ? pagerDutyAction(transition) !== null : on.includes(transition.name);
      if (wanted)
        this.#enqueue(name, {
          receiver,
          transition: transition.name,
          atMs: transition.atMs,
          body: this.#bodyFor(receiver, transition),
        });
    }
  }

  /** Messages that wait, over all receivers. */
  get queuedCount(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Messages by receiver and result, since the start. */
  counts(): readonly { readonly receiver: string; readonly result: string; readonly count: number }[] {
    return [...this.#counts].map(([key, count]) => {
      const [receiver = '', result = ''] = key.split(' ');
      return { receiver, result, count };
    });
  }

  /** Gives up on what has not been sent. */
  stop(): void {
    this.#stopped.abort();
  }

  #bodyFor(receiver: Notification['receiver'], transition: Transition): string {
    const context = this.#options.context();
    switch (receiver.kind) {
      case 'webhook':
        return JSON.stringify(webhookMessage(transition, context));
      case 'slack':
        return JSON.stringify(slackMessage(transition, context));
      case 'pagerduty':
        return JSON.stringify(pagerDutyMessage(transition, context, receiver.routingKey));
    }
  }

  #enqueue(name: string, message: Message): void {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    queue.push(message);
    if (queue.length > notificationsQueuedMax) {
      // The one in front may be on its way.
      const [dropped] = queue.splice(1, 1);
      this.#give(name, dropped ?? message, 'dropped', 'too many wait for it');
    }
    if (!this.#working.has(name)) void this.#work(name, queue);
  }

  async #work(name: string, queue: Message[]): Promise<void> {
    this.#working.add(name);
    try {
      for (let message = queue[0]; message !== undefined; message = queue[0]) {
        const failure = await this.#deliver(message);
        queue.shift();
        if (failure === null) this.#count(name, 'sent');
        else this.#give(name, message, 'failed', failure);
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    } finally {
      this.#working.delete(name);
    }
  }

  /** Null when it was taken, else why not. Rejects only when we are stopping. */
  async #deliver({ receiver, body }: Message): Promise<string | null> {
    const { outgoing, epochMs, random, wait = sleep } = this.#options;
    const { signal } = this.#stopped;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const secret = receiver.kind === 'webhook' ? receiver.secret : null;
      const headers = { 'content-type': 'application/json', ...signatureHeaders(body, secret, epochMs()) };
      const answer = await outgoing.send({
        method: 'POST',
        url: receiver.url,
        headers,
        body,
        timeoutMs: answerMsMax,
      });
      signal.throwIfAborted();
      const failure = failureOf(answer);
      if (failure === null || attempt === attemptsMax || isRefusal(answer)) return failure;
      await wait(backOffMs(backOff, attempt, random()), signal);
    }
  }

  #give(name: string, { transition, atMs }: Message, result: Exclude<Result, 'sent'>, why: string): void {
    this.#count(name, result);
    this.#options.events.add({
      name: 'notification-failed',
      level: 'warn',
      text: `${name} could not be told of ${transition}: ${why}.`,
      detail: { receiver: name, transition, transitionAtMs: atMs, result },
    });
  }

  #count(name: string, result: Result): void {
    const key = `${name} ${result}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

const sleep = (ms: number, signal: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal });

function failureOf(answer: OutgoingAnswer): string | null {
  if (!answer.ok) return answer.reason;
  return answer.status >= 200 && answer.status < 300 ? null : `it answered ${answer.status}`;
}

/** A 4xx says that the message is wrong, and will be again; but for those that ask to come back. */
const isRefusal = (answer: OutgoingAnswer): boolean =>
  answer.ok && answer.status >= 300 && answer.status < 500 && answer.status !== 408 && answer.status !== 429;
