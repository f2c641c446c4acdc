// The production SplitSink: the shared cell that every worker reads per request.
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import type { Split, SplitCell } from '#src/shared-memory/split-cell.ts';

export class SplitPublisher implements SplitSink {
  readonly #cell: SplitCell;

  constructor(cell: SplitCell) {
    this.#cell = cell;
  }

  /**
   * Makes the split visible to every worker and returns its epoch. Publishing what is already published
   * changes nothing, so that a repeated command neither uses up an epoch nor splits a window in two. Epoch 0
   * means "never published", so the first call always publishes.
   */
  publish(weightPpm: number, salt: number): number {
    const { epoch, weightPpm: publishedPpm, salt: publishedSalt } = this.#cell.read();
    if (epoch > 0 && publishedPpm === weightPpm && publishedSalt === (salt | 0)) return epoch;
    return this.#cell.publish(weightPpm, salt);
  }

  current(): Split {
    return this.#cell.read();
  }
}
