// The split as the workers see it: one versioned cell, read per request. The writer fills the next ring entry and then
// publishes its epoch with one atomic store, so a reader always sees a weight together with its own epoch and salt.
import { assert } from '#src/base/assert.ts';
import { PPM } from '#src/limits.ts';

const ringLength = 64;
const entryLength = 4;
const epochIndex = 0;
const ringAt = 16;
const splitCellLength = ringAt + ringLength * entryLength;

/** Creates the memory of a cell: epoch 0, everything to X. */
export function createSplitMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(splitCellLength * Int32Array.BYTES_PER_ELEMENT);
}

export interface Split {
  /** Version of the cell; grows by one per publication. */
  readonly epoch: number;
  /** Y's share, 0..1,000,000. */
  readonly weightPpm: number;
  /** Salt of the sticky hash, constant over a rollout (int32). */
  readonly salt: number;
}

export class SplitCell {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Current epoch. One atomic load: the hot path calls this first and reads the rest only when it changed. */
  epoch(): number {
    return Atomics.load(this.#words, epochIndex);
  }

  weightPpmAt(epoch: number): number {
    return this.#words[ringAt + (epoch % ringLength) * entryLength] as number;
  }

  saltAt(epoch: number): number {
    return this.#words[ringAt + (epoch % ringLength) * entryLength + 1] as number;
  }

  /** The current split: weight and salt always belong to the epoch, however long this thread was held up in between. */
  read(): Split {
    while (true) {
      const epoch = this.epoch();
      const split = { epoch, weightPpm: this.weightPpmAt(epoch), salt: this.saltAt(epoch) };
      // The entry is only written again while the epoch is ringLength - 1 further on.
      if (this.epoch() - epoch < ringLength - 1) return split;
    }
  }

  /** Publishes a new split; the next request of every worker uses it. One writer only. Returns the new epoch. */
  publish(weightPpm: number, salt: number): number {
    assert(
      Number.isInteger(weightPpm) && weightPpm >= 0 && weightPpm <= PPM,
      `weight ${weightPpm} ppm is out of range`,
    );
    const next = this.epoch() + 1;
    const at = ringAt + (next % ringLength) * entryLength;
    this.#words[at] = weightPpm;
    this.#words[at + 1] = salt | 0;
    Atomics.store(this.#words, epochIndex, next);
    return next;
  }
}
