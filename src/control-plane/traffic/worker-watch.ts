// Which workers are alive and take connections, by what they leave in shared memory.
import { WORKER } from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

/**
 * A live worker beats several times a second; longer than a long garbage collection, shorter than a probe
 * interval.
 */
const silentMsMax = 3_000;

export interface WorkerView {
  readonly index: number;
  readonly alive: boolean;
  readonly connections: number;
  readonly tunnels: number;
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly configRevision: number;
  readonly splitEpoch: number;
  readonly loopDelayMsMax: number;
}

const breakerNames = ['closed', 'open', 'half-open'] as const;

export class WorkerWatch {
  readonly #slabs: readonly Float64Array[];
  readonly #heartbeats: Float64Array;
  readonly #beatAtMs: Float64Array;

  constructor(memory: SharedMemory) {
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.#heartbeats = new Float64Array(this.#slabs.length);
    this.#beatAtMs = new Float64Array(this.#slabs.length).fill(Number.NEGATIVE_INFINITY);
  }

  /** Looks at the heartbeats; call it every tick. */
  observe(nowMs: number): void {
    for (let worker = 0; worker < this.#slabs.length; worker++) {
      const beat = (this.#slabs[worker] as Float64Array)[WORKER.heartbeat] as number;
      if (beat === this.#heartbeats[worker]) continue;
      this.#heartbeats[worker] = beat;
      this.#beatAtMs[worker] = nowMs;
    }
  }

  /** Workers that take connections: one that is alive and does not listen is of no use to clients. */
  listeningCount(nowMs: number): number {
    let count = 0;
    for (const [worker, slab] of this.#slabs.entries())
      if (this.#isAlive(worker, nowMs) && slab[WORKER.listening] === 1) count++;
    return count;
  }

  #isAlive(worker: number, nowMs: number): boolean {
    return nowMs - (this.#beatAtMs[worker] as number) <= silentMsMax;
  }

  views(nowMs: number): WorkerView[] {
    return this.#slabs.map((slab, index) => ({
      index,
      alive: this.#isAlive(index, nowMs),
      connections: slab[WORKER.connectionsOpen] as number,
      tunnels: slab[WORKER.tunnelsOpen] as number,
      breaker: breakerNames[slab[WORKER.breakerState] as number] ?? 'open',
      configRevision: slab[WORKER.configRevision] as number,
      splitEpoch: slab[WORKER.splitEpoch] as number,
      loopDelayMsMax: slab[WORKER.loopDelayMsMax] as number,
    }));
  }
}
