// Tells receivers about the rollout's transitions: one bounded queue per receiver, sent in order in the
// background. Nothing waits for it; the record says what could not be delivered. Messages that wait are kept
// in the store and sent after a restart, so a receiver may get a message twice; its id tells.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PairCounts } from '#src/base/pair-counts.ts';
import type { Notification } from '#src/config/signals-config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { type BackOff, backOffMs } from '#src/control-plane/outgoing/back-off.ts';
import type { Outgoing, OutgoingAnswer } from '#src/control-plane/outgoing/outgoing-client.ts';
import { signatureHeaders } from '#src/control-plane/outgoing/signature.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { notificationsQueuedMax } from '#src/limits.ts';
import type { StoreResult } from '#src/record/store-result.ts';
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
/** How long a message waits for its record. People are told a second later then, and no less. */
const storedMsMax = 1_000;
/** A message that is older than this after a restart is not sent any more. */
const keptMsMax = 24 * 60 * 60_000;

interface NotifierOptions {
  readonly notifications: () => readonly Notification[];
  readonly context: () => MessageContext;
  /**
   * Resolves when what messages tell of is on record, at the latest after `msMax`: then they have the end
   * that it led to.
   */
  readonly stored: (msMax: number) => Promise<unknown>;
  readonly outgoing: Outgoing;
  readonly events: Pick<EventLog, 'add'>;
  readonly epochMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Keeps what waits, and gives back what was kept. */
  readonly keep: (value: unknown) => Promise<StoreResult<undefined>>;
  readonly load: () => StoreResult<unknown>;
  /** Resolves after so many ms; rejects when the signal aborts. Timers in production. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** A message as it is kept: without address and secret, which are the config's. */
interface Message {
  /** The same in every attempt, also after a restart. */
  readonly id: string;
  /** Name of the receiver. */
  readonly receiver: string;
  /** Without its evidence, which no message shows. */
  readonly transition: Transition;
}

type Failure = 'failed' | 'dropped';

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #stopped = new AbortController();
  readonly #queues = new Map<string, Message[]>();
  readonly #working = new Set<string>();
  readonly #counts = new PairCounts();
  /** Whether the store was read; until then nothing may overwrite what it kept. */
  #isKnown = false;
  #isKept = true;
  #isKeeping = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Queues the transition for every receiver that wants to hear of it. */
  transition(transition: Transition): void {
    for (const { name, receiver, on } of this.#options.notifications()) {
      const wanted =
        receiver.kind === 'pagerduty' ? pagerDutyAction(transition) !== null : on.includes(transition.name);
      if (wanted)
        this.#enqueue({ id: randomUUID(), receiver: name, transition: { ...transition, evidence: null } });
    }
    void this.#keep();
  }

  /**
   * Takes up what was kept, once the store can be read. When the store is back later, keeps what it could not
   * keep.
   */
  restore(): void {
    if (!this.#isKnown) {
      const loaded = this.#options.load();
      if (!loaded.ok) return;
      this.#isKnown = true;
      this.#takeUp(Array.isArray(loaded.value) ? (loaded.value as Message[]) : []);
    }
    if (!this.#isKept) void this.#keep();
  }

  /** Messages that wait, over all receivers. */
  get queuedCount(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Messages by receiver and result, since the start. */
  counts(): readonly { readonly receiver: string; readonly result: string; readonly count: number }[] {
    return this.#counts
      .entries()
      .map(({ first, second, count }) => ({ receiver: first, result: second, count }));
  }

  /** Sends nothing more; what waits is in the store. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Messages that were kept are older than those that wait, except for one that is being sent. */
  #takeUp(kept: readonly Message[]): void {
    const oldestMs = this.#options.epochMs() - keptMsMax;
    const waiting = [...this.#queues.values()].flatMap((queue) => queue.splice(1));
    for (const message of kept) {
      if (message.transition.atMs >= oldestMs) this.#enqueue(message);
      else this.#give(message, 'dropped', 'too much time has passed');
    }
    for (const message of waiting) this.#enqueue(message);
    if (kept.length + waiting.length > 0) this.#isKept = false;
  }

  /** Each round keeps all messages that wait then. Changes during a round make another one necessary. */
  async #keep(): Promise<void> {
    this.#isKept = false;
    if (!this.#isKnown || this.#isKeeping) return;
    this.#isKeeping = true;
    do {
      this.#isKept = true;
      const { ok } = await this.#options.keep([...this.#queues.values()].flat());
      if (ok) continue;
      this.#isKept = false;
      break;
    } while (!this.#isKept);
    this.#isKeeping = false;
  }

  #bodyFor(receiver: Notification['receiver'], { id, transition }: Message): string {
    const context = this.#options.context();
    switch (receiver.kind) {
      case 'webhook':
        return JSON.stringify(webhookMessage(transition, context, id));
      case 'slack':
        return JSON.stringify(slackMessage(transition, context));
      case 'pagerduty':
        return JSON.stringify(pagerDutyMessage(transition, context, id, receiver.routingKey));
    }
  }

  #enqueue(message: Message): void {
    const name = message.receiver;
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    queue.push(message);
    if (queue.length > notificationsQueuedMax) {
      // The first one may be on its way.
      const [dropped] = queue.splice(1, 1);
      this.#give(dropped ?? message, 'dropped', 'too many wait for it');
    }
    if (!this.#working.has(name)) void this.#work(name, queue);
  }

  async #work(name: string, queue: Message[]): Promise<void> {
    this.#working.add(name);
    try {
      for (let message = queue[0]; message !== undefined; message = queue[0]) {
        const failure = await this.#deliver(message);
        queue.shift();
        void this.#keep();
        if (failure === null) this.#counts.add(name, 'sent');
        else this.#give(message, 'failed', failure);
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    } finally {
      this.#working.delete(name);
    }
  }

  /** Null when the receiver took it, otherwise why not. Rejects only when the process stops. */
  async #deliver(message: Message): Promise<string | null> {
    const { epochMs, random, wait = sleep } = this.#options;
    const { signal } = this.#stopped;
    await this.#options.stored(storedMsMax);
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      // Looked up again, because a reload may have changed it.
      const found = this.#options.notifications().find(({ name }) => name === message.receiver);
      if (found === undefined) return 'it is not in the configuration any more';
      const answer = await this.#send(found.receiver, message, epochMs());
      signal.throwIfAborted();
      const failure = failureOf(answer);
      if (failure === null || attempt === attemptsMax || isRefusal(answer)) return failure;
      await wait(backOffMs(backOff, attempt, random()), signal);
    }
  }

  #send(receiver: Notification['receiver'], message: Message, nowMs: number): Promise<OutgoingAnswer> {
    const body = this.#bodyFor(receiver, message);
    const secret = receiver.kind === 'webhook' ? receiver.secret : null;
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': message.id,
      ...signatureHeaders(body, secret, nowMs),
    };
    return this.#options.outgoing.send({
      method: 'POST',
      url: receiver.url,
      headers,
      body,
      timeoutMs: answerMsMax,
    });
  }

  #give({ receiver: name, transition }: Message, result: Failure, why: string): void {
    this.#counts.add(name, result);
    this.#options.events.add({
      name: 'notification-failed',
      level: 'warn',
      text: `${name} could not be told of ${transition.name}: ${why}.`,
      detail: { receiver: name, transition: transition.name, transitionAtMs: transition.atMs, result },
    });
  }
}

const sleep = (ms: number, signal: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal });

function failureOf(answer: OutgoingAnswer): string | null {
  if (!answer.ok) return answer.reason;
  return answer.status >= 200 && answer.status < 300 ? null : `it answered ${answer.status}`;
}

/**
 * A 4xx says that the message is wrong, and another attempt would be, too; except for codes that ask to come
 * back later.
 */
const isRefusal = (answer: OutgoingAnswer): boolean =>
  answer.ok && answer.status >= 300 && answer.status < 500 && answer.status !== 408 && answer.status !== 429;
