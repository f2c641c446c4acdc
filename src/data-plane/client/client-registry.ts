// The client connections and tunnels of one worker: their number for the limit, and each of them for a drain.
// They are in a list whose links are their own. A Set would make a new table every few dozen connections, and
// the old tables, old enough for the old generation, would hold the connections that were in them until its
// next collection.
import { IntrusiveList, type ListLink } from '#src/data-plane/base/intrusive-list.ts';
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';
import type { Quiet } from './connection-states.ts';

/** Something a client holds open. */
export interface Closable {
  /** Its place among those that are open. */
  readonly openLink: ListLink<Closable>;
  /** Nothing under way: closing it cuts nothing. */
  readonly isIdle: boolean;
  /** Closes at once; true when something under way was cut. */
  cut(): boolean;
  /** What is waited for from its client, if that is all that is waited for. */
  readonly quiet: Quiet;
  /** Loop time in ms since when. */
  readonly quietSinceMs: number;
  /** The node that it has a connection to, or waits for one; null when it has none. */
  readonly node: UpstreamNode | null;
  /** Ends it. `forNode`: only what it has of the node is wanted, and its client may be told. */
  giveWay(forNode: boolean): void;
  /** Y has no share any more: what waits for Y is X's, where it may be. */
  giveUpY(): void;
}

export class ClientRegistry {
  readonly #open = new IntrusiveList<Closable>();
  readonly #slab: Float64Array;
  readonly #allSlabs: readonly Float64Array[];

  constructor(slab: Float64Array, allSlabs: readonly Float64Array[]) {
    this.#slab = slab;
    this.#allSlabs = allSlabs;
  }

  add(connection: Closable): void {
    this.#open.add(connection.openLink);
    add(this.#slab, WORKER.connectionsOpen, 1);
  }

  /** Of one that is not there, nothing comes. */
  remove({ openLink }: Closable): void {
    if (openLink.list === null) return;
    this.#open.remove(openLink);
    add(this.#slab, WORKER.connectionsOpen, -1);
  }

  replace({ openLink }: Closable, by: Closable): void {
    if (openLink.list !== null) this.#open.remove(openLink);
    this.#open.add(by.openLink);
  }

  get size(): number {
    return this.#open.length;
  }

  /** Client connections over all workers. */
  get totalOpen(): number {
    let total = 0;
    for (const slab of this.#allSlabs) total += slab[WORKER.connectionsOpen] as number;
    return total;
  }

  closeIdle(): void {
    for (const connection of this.#all()) if (connection.isIdle) connection.cut();
  }

  /** Closes everything; returns how many were in the middle of something. */
  cutAll(): number {
    let count = 0;
    for (const connection of this.#all()) if (connection.cut()) count++;
    return count;
  }

  /** Those that are open now: to cut one may end others too. */
  #all(): Closable[] {
    return this.those(() => true);
  }

  /** Those of the open ones that are wanted, the oldest first. */
  those(wanted: (connection: Closable) => boolean): Closable[] {
    const those: Closable[] = [];
    for (let link = this.#open.first; link !== null; link = link.next)
      if (wanted(link.member)) those.push(link.member);
    return those;
  }
}
