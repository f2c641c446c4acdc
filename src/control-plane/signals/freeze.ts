// A freeze by an operator: nothing starts or advances while it lasts. It is kept over restarts, and ends by
// hand or by time.
import type { Clock } from '#src/base/clock.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { StoreResult } from '#src/record/store-result.ts';

export interface FreezeView {
  readonly frozen: boolean;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly sinceMs: number | null;
  /** When it ends by itself, Unix epoch ms; null when only by hand. */
  readonly untilMs: number | null;
}

interface FreezeChange {
  readonly frozen: boolean;
  readonly reason: string;
  readonly untilMs: number | null;
  readonly actor: string;
}

interface FreezeOptions {
  readonly clock: Clock;
  readonly events: Pick<EventLog, 'add'>;
  readonly keep: (value: unknown) => Promise<StoreResult<undefined>>;
  readonly load: () => StoreResult<unknown>;
}

const thawed: FreezeView = { frozen: false, reason: null, actor: null, sinceMs: null, untilMs: null };

export class Freeze {
  readonly #options: FreezeOptions;
  #view: FreezeView = thawed;
  /**
   * Monotonic time before which it does not end by itself: a wall clock that jumps ahead must not lift a
   * freeze.
   */
  #notBeforeMs = 0;
  /** Whether the store was read, or a change since then makes what it holds irrelevant. */
  #isKnown = false;
  #isKept = true;

  constructor(options: FreezeOptions) {
    this.#options = options;
  }

  get view(): FreezeView {
    return this.#view;
  }

  /**
   * Takes up what was kept, also when the store becomes readable only later. A change that was made meanwhile
   * wins.
   */
  restore(): void {
    if (this.#isKnown) {
      if (!this.#isKept) void this.#keep();
      return;
    }
    const loaded = this.#options.load();
    if (!loaded.ok) return;
    this.#isKnown = true;
    if (isFreezeView(loaded.value)) this.#take(loaded.value);
  }

  /**
   * Freezes or lifts the freeze, and records who did it and why. Works while the store does not: then it is
   * kept later.
   */
  set({ frozen, reason, untilMs, actor }: FreezeChange): FreezeView {
    const sinceMs = this.#options.clock.epochMs();
    this.#take(frozen ? { frozen, reason, actor, sinceMs, untilMs } : thawed);
    this.#isKnown = true;
    void this.#keep();
    const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString()}`;
    const why = reason === '' ? '' : `: ${reason}`;
    this.#options.events.add({
      name: frozen ? 'frozen' : 'thawed',
      actor,
      text: frozen ? `Starts and advances are frozen${until}${why}.` : `The freeze was lifted${why}.`,
      detail: { frozen, reason, untilMs },
    });
    return this.#view;
  }

  /** Ends a freeze whose time is over; call it every tick. */
  tick(): void {
    const { untilMs } = this.#view;
    const { clock, events } = this.#options;
    if (untilMs === null || clock.epochMs() < untilMs || clock.monotonicMs() < this.#notBeforeMs) return;
    this.#take(thawed);
    void this.#keep();
    events.add({ name: 'freeze-expired', text: 'The freeze is over: its time has come.' });
  }

  /** Why nothing may move, in words; null when it may. */
  text(): string | null {
    const { frozen, reason, actor, untilMs } = this.#view;
    if (!frozen) return null;
    const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString()}`;
    return `frozen by ${actor ?? 'an operator'}${until}${reason === '' ? '' : `: ${reason}`}`;
  }

  #take(view: FreezeView): void {
    this.#view = view;
    const { clock } = this.#options;
    const leftMs = view.untilMs === null ? 0 : Math.max(0, view.untilMs - clock.epochMs());
    this.#notBeforeMs = clock.monotonicMs() + leftMs;
  }

  /** Keeps the freeze; what could not be kept is kept again when the store is back. */
  async #keep(): Promise<void> {
    const view = this.#view;
    this.#isKept = false;
    const { ok } = await this.#options.keep(view);
    if (this.#view === view) this.#isKept = ok;
  }
}

/** The store holds what `set` wrote, so it is enough to look at the outline. */
function isFreezeView(value: unknown): value is FreezeView {
  return typeof value === 'object' && value !== null && 'frozen' in value && 'untilMs' in value;
}
