// The client connections and tunnels of one worker: their number for the limit, and each of them for a drain.
import { add } from '#src/shared-memory/counters.ts';
import { WORKER } from '#src/shared-memory/layout.ts';

/** Something a client holds open. */
export interface Closable {
  /** Nothing under way: closing it cuts nothing. */
  readonly isIdle: boolean;
  /** Closes at once; true when something under way was cut. */
  cut(): boolean;
}

export class ClientRegistry {
  readonly #open = new Set<Closable>();
  readonly #slab: Float64Array;
  readonly #allSlabs: readonly Float64Array[];
  /** Called when the last one is gone. */
  onEmpty: (() => void) | null = null;

  constructor(slab: Float64Array, allSlabs: readonly Float64Array[]) {
    this.#slab = slab;
    this.#allSlabs = allSlabs;
  }

  add(connection: Closable): void {
    this.#open.add(connection);
    add(this.#slab, WORKER.connectionsOpen, 1);
  }

  remove(connection: Closable): void {
    if (!this.#open.delete(connection)) return;
    add(this.#slab, WORKER.connectionsOpen, -1);
    if (this.#open.size === 0) this.onEmpty?.();
  }

  replace(connection: Closable, by: Closable): void {
    this.#open.delete(connection);
    this.#open.add(by);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Client connections over all workers. */
  get totalOpen(): number {
    let total = 0;
    for (const slab of this.#allSlabs) total += slab[WORKER.connectionsOpen] as number;
    return total;
  }

  closeIdle(): void {
    for (const connection of [...this.#open]) if (connection.isIdle) connection.cut();
  }

  /** Closes everything; returns how many were in the middle of something. */
  cutAll(): number {
    let count = 0;
    for (const connection of [...this.#open]) if (connection.cut()) count++;
    return count;
  }
}
