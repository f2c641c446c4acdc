// How many answers clients got from each cluster over the last ten seconds, whatever brought the requests
// there: the split, a rule, the safety net or the breaker. The comparison counts first attempts only
// (recent-traffic.ts), so a cluster that serves what the breaker diverts has answers and no requests there.
import {
  ANSWER,
  type Arm,
  answerOffset,
  type ClusterName,
  statusSlots,
  X,
  Y,
} from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';

const spanMs = 10_000;
const readEveryMs = 1_000;

interface Reading {
  readonly atMs: number;
  readonly x: number;
  readonly y: number;
}

export class AnswerRates {
  readonly #slabs: readonly Float64Array[];
  /** Oldest first; the counters only grow. */
  #readings: Reading[] = [];

  constructor(memory: SharedMemory) {
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
  }

  /** Reads the counters once a second; call it every tick. */
  observe(nowMs: number): void {
    const last = this.#readings.at(-1);
    if (last !== undefined && nowMs - last.atMs < readEveryMs) return;
    this.#readings = this.#readings.filter(({ atMs }) => nowMs - atMs <= spanMs);
    this.#readings.push({ atMs: nowMs, x: this.#answers(X), y: this.#answers(Y) });
  }

  /** Answers per second; 0 before the second reading. */
  read(): Readonly<Record<ClusterName, number>> {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return { x: 0, y: 0 };
    const perSecond = (count: number) => (count * 1000) / (last.atMs - first.atMs);
    return { x: perSecond(last.x - first.x), y: perSecond(last.y - first.y) };
  }

  #answers(arm: Arm): number {
    const at = answerOffset(arm) + ANSWER.status;
    let sum = 0;
    for (const slab of this.#slabs) {
      for (let status = 0; status < statusSlots; status++) sum += slab[at + status] as number;
    }
    return sum;
  }
}
