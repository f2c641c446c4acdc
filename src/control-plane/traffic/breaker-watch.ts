// How long Y's breaker has been open everywhere it matters: in every worker that gets traffic for Y. One
// worker whose breaker is closed proves that Y still answers somewhere, so it alone keeps the figure at zero.
// Only time in which Y was to get traffic counts: an open breaker that nobody asks for Y is not probed, and
// says nothing about it.
import { breakerOpenMs } from '#src/limits.ts';
import { ATTEMPT, attemptOffset, epochSlots, WORKER, Y } from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import type { SplitCell } from '#src/shared-memory/split-cell.ts';

/**
 * A worker that has had no request for Y for this long is left out. This is longer than the open time at
 * which the rollout reverts.
 */
const trafficMemoryMs = 5_000;
/**
 * A silence counts for no longer than the wait for one probe, because the probe is the first to tell how Y
 * is.
 */
const silenceMsMax = breakerOpenMs;

/** What is known of one worker. */
interface Watched {
  readonly slab: Float64Array;
  requests: number;
  /** When it was last seen to have had requests for Y. */
  grewAtMs: number;
  /** The start of the opening that `openMs` belongs to; 0 when the breaker is closed, or Y has no share. */
  openSinceMs: number;
  openMs: number;
}

export class BreakerWatch {
  readonly #cell: Pick<SplitCell, 'epoch' | 'weightPpmAt'>;
  readonly #workers: readonly Watched[];
  #hasShareSinceMs = Number.NEGATIVE_INFINITY;

  constructor(memory: SharedMemory, cell: Pick<SplitCell, 'epoch' | 'weightPpmAt'>) {
    this.#cell = cell;
    this.#workers = memory.slabs.map((slab) => ({
      slab: new Float64Array(slab),
      requests: 0,
      grewAtMs: Number.NEGATIVE_INFINITY,
      openSinceMs: 0,
      openMs: 0,
    }));
  }

  /**
   * The shortest open time in ms over the workers with traffic for Y; 0 when one of them is closed or Y has
   * no share. While there is no traffic, an open breaker counts as just opened.
   */
  openMs(nowMs: number): number {
    const hasShare = this.#cell.weightPpmAt(this.#cell.epoch()) > 0;
    if (!hasShare) this.#hasShareSinceMs = nowMs;
    let shortestMs = Number.POSITIVE_INFINITY;
    let silentMs = 0;
    for (const worker of this.#workers) {
      this.#note(worker, hasShare, nowMs);
      if (nowMs - worker.grewAtMs <= trafficMemoryMs) shortestMs = Math.min(shortestMs, worker.openMs);
      else silentMs = Math.max(silentMs, Math.min(worker.openMs, silenceMsMax));
    }
    return Number.isFinite(shortestMs) ? shortestMs : silentMs;
  }

  #note(worker: Watched, hasShare: boolean, nowMs: number): void {
    const requests = requestsForY(worker.slab);
    const grew = requests !== worker.requests;
    const isOpen = hasShare && worker.slab[WORKER.breakerState] !== 0;
    const openSinceMs = isOpen ? (worker.slab[WORKER.breakerOpenSinceMs] as number) : 0;
    if (openSinceMs !== worker.openSinceMs) worker.openMs = 0;
    if (openSinceMs !== 0 && (grew || worker.openMs === 0)) {
      const fromMs = Math.max(worker.grewAtMs, openSinceMs, this.#hasShareSinceMs);
      worker.openMs += Math.min(Math.max(0, nowMs - fromMs), silenceMsMax);
    }
    worker.openSinceMs = openSinceMs;
    worker.requests = requests;
    if (grew) worker.grewAtMs = nowMs;
  }
}

/** Requests that were drawn for Y, whether they went there or the breaker sent them to X. */
function requestsForY(slab: Float64Array): number {
  let requests = slab[WORKER.breakerDiverted] as number;
  for (let slot = 0; slot < epochSlots; slot++) {
    requests += slab[attemptOffset(Y, slot) + ATTEMPT.assigned] as number;
  }
  return requests;
}
