// Tells the workers which groups of clients are no longer compared, and people which client it is about.
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

export interface SuspectSource {
  readonly suspectGroups: readonly number[];
}

/** A client that is not compared, as the status has it. */
export interface SuspectView {
  /** Its address, as routing sees it. */
  readonly client: string;
  readonly sinceMs: number;
}

export class SuspectClients {
  readonly #memory: Int32Array;
  readonly #events: EventLog;
  readonly #epochMs: () => number;
  #published: readonly number[] | null = null;
  #views: readonly SuspectView[] = [];

  constructor(memory: SharedMemory, events: EventLog, epochMs: () => number) {
    this.#memory = new Int32Array(memory.suspectGroups);
    this.#events = events;
    this.#epochMs = epochMs;
  }

  get views(): readonly SuspectView[] {
    return this.#views;
  }

  /** Writes the groups that the analysis suspects now. */
  publish({ suspectGroups }: SuspectSource): void {
    if (suspectGroups === this.#published) return;
    this.#published = suspectGroups;
    for (let group = 0; group < this.#memory.length; group++)
      Atomics.store(this.#memory, group, suspectGroups.includes(group) ? 1 : 0);
    if (suspectGroups.length === 0) this.#views = [];
  }

  /** A worker has seen which client most requests of a suspected group come from. */
  seen(group: number, client: string): void {
    if (Atomics.load(this.#memory, group) === 0) return;
    if (this.#views.some((view) => view.client === client)) return;
    this.#views = [...this.#views, { client, sinceMs: this.#epochMs() }];
    const text = `${client} is suspected: what it gets on Y is unlike what all others get there. Its requests, and those of clients in the same group, are no longer compared.`;
    this.#events.add({ name: 'client-suspected', level: 'warn', text, detail: { client } });
  }
}
