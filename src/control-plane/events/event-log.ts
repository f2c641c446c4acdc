// Everything worth telling an operator, numbered and in order: kept in the store, in a short memory for
// streams and for when the store is unusable, and written to the process log.

import type { RecordedEvent } from '#src/record/recorded-event.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';

/** Events kept in memory: what a client that reconnects within minutes may have missed. */
const rememberedEventsMax = 1_000;

export interface EventInput {
  readonly name: string;
  readonly text: string;
  readonly level?: LogLine['level'];
  readonly actor?: string;
  readonly detail?: unknown;
}

interface Announcement {
  readonly event: RecordedEvent;
  readonly level: LogLine['level'];
}

type EventListener = (event: RecordedEvent) => void;

interface EventLogOptions {
  readonly epochMs: () => number;
  readonly log: (line: LogLine) => void;
  /**
   * Where the record ends, for the log lines of transitions, which proves later that it was not cut off; null
   * while not known.
   */
  readonly recordEnd?: () => string | null;
}

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #listeners = new Set<EventListener>();
  #remembered: RecordedEvent[] = [];
  #nextId = 1;
  #keep: EventListener = () => {};
  /**
   * Numbers of drafts that are not on record yet, and announcements that wait for these drafts, so that
   * everyone sees events in order.
   */
  readonly #held = new Set<number>();
  #waiting: Announcement[] = [];

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** Where events are kept from now on; those added before are handed over at once. */
  keepIn(keep: EventListener): void {
    this.#keep = keep;
    for (const event of this.#remembered) keep(event);
  }

  /** Adds an event, keeps it and tells everyone. */
  add(input: EventInput): RecordedEvent {
    const event = this.draft(input);
    this.announce(event, input.level);
    this.#keep(event);
    return event;
  }

  /**
   * An event with the next number that nobody has seen yet: for one that is kept together with something
   * else, or dropped.
   */
  draft(input: EventInput): RecordedEvent {
    return {
      id: this.#nextId++,
      atMs: this.#options.epochMs(),
      name: input.name,
      actor: input.actor ?? 'crossover',
      text: input.text,
      detail: input.detail ?? null,
    };
  }

  /** Shows a draft to everyone; the caller has kept it or will. */
  announce(event: RecordedEvent, level: LogLine['level'] = 'info'): void {
    this.#held.delete(event.id);
    this.#waiting.push({ event, level });
    this.#waiting.sort((a, b) => a.event.id - b.event.id);
    this.#tellWaiting();
  }

  /** Announcements after this draft wait until it is announced or dropped. */
  hold({ id }: RecordedEvent): void {
    this.#held.add(id);
  }

  /** Forgets a draft that will not be announced. */
  drop({ id }: RecordedEvent): void {
    this.#held.delete(id);
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    const before = Math.min(...this.#held);
    while (this.#waiting[0] !== undefined && this.#waiting[0].event.id < before) {
      const { event, level } = this.#waiting.shift() as Announcement;
      this.#tell(event, level);
    }
  }

  #tell(event: RecordedEvent, level: LogLine['level']): void {
    this.#remembered.push(event);
    if (this.#remembered.length > rememberedEventsMax) this.#remembered.shift();
    const { name, id, actor } = event;
    this.#options.log({
      level,
      message: event.text,
      fields: { event: name, eventId: id, actor, ...this.#endOf(name) },
    });
    for (const listener of this.#listeners) listener(event);
  }

  #endOf(name: string): { recordEnd?: string | null } {
    return name.startsWith('rollout-') ? { recordEnd: this.#options.recordEnd?.() ?? null } : {};
  }

  /** Events with `id > after` that are still in memory, oldest first. */
  remembered(after: number, limit: number): RecordedEvent[] {
    return this.#remembered.filter((event) => event.id > after).slice(0, limit);
  }

  /** Tells the listener of every event from now on, until the returned function is called. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Goes on after the numbers that the store has. Events numbered without it (from `firstQueuedId`) move up
   * behind its last one; returns by how much.
   */
  reconcileIds(lastEventId: number, firstQueuedId: number | null): number {
    if (firstQueuedId === null) {
      this.#nextId = Math.max(this.#nextId, lastEventId + 1);
      return 0;
    }
    const offset = Math.max(0, lastEventId + 1 - firstQueuedId);
    if (offset === 0) return 0;
    this.#nextId += offset;
    this.#remembered = this.#remembered.map((event) =>
      event.id >= firstQueuedId ? { ...event, id: event.id + offset } : event,
    );
    return offset;
  }
}
