// The split in shared memory, which workers read for each request. The writer fills the next entry of a ring
// and then publishes the entry's epoch with one atomic store, so a reader always sees a weight with its own
// epoch and salt.
import { assert } from '#src/base/assert.ts';
import { PPM } from '#src/limits.ts';

const ringLength = 64;
const entryLength = 4;
const epochIndex = 0;
const ringAt = 16;
const splitCellLength = ringAt + ringLength * entryLength;

/** Makes the memory of a cell with epoch 0, which sends everything to X. */
export function createSplitMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(splitCellLength * Int32Array.BYTES_PER_ELEMENT);
}

export interface Split {
  /** Grows by one with each publication. */
  readonly epoch: number;
  /** Y's share, 0..1,000,000. */
  readonly weightPpm: number;
  /** Salt of the sticky hash (int32), the same throughout a rollout. */
  readonly salt: number;
}

export class SplitCell {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /**
   * The current epoch, by one atomic load. A worker calls it for each request and reads the rest only when it
   * has changed.
   */
  epoch(): number {
    return Atomics.load(this.#words, epochIndex);
  }

  weightPpmAt(epoch: number): number {
    return this.#words[ringAt + (epoch % ringLength) * entryLength] as number;
  }

  saltAt(epoch: number): number {
    return this.#words[ringAt + (epoch % ringLength) * entryLength + 1] as number;
  }

  /**
   * The current split. Weight and salt belong to the epoch, even if this thread was interrupted between the
   * loads.
   */
  read(): Split {
    while (true) {
      const epoch = this.epoch();
      const split = { epoch, weightPpm: this.weightPpmAt(epoch), salt: this.saltAt(epoch) };
      // The entry is not written again before the epoch is ringLength - 1 further on.
      if (this.epoch() - epoch < ringLength - 1) return split;
    }
  }

  /**
   * Publishes a new split, which the next request of every worker uses, and returns its epoch. Only one
   * thread may write.
   */
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
