// Tells the workers from which age on a waiting request counts as slow, so that a cluster that hangs yields
// evidence before its requests end.
import { latencyQuantiles } from '#src/limits.ts';
import { armNames } from '#src/shared-memory/layout.ts';
import { type SharedMemory, slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

export interface SlowThresholdSource {
  /** Age in ms; Infinity while unknown. */
  slowThresholdMs(arm: 'x' | 'y', quantileIndex: number): number;
}

export class SlowThresholds {
  readonly #ages: Float64Array;

  constructor(memory: SharedMemory) {
    this.#ages = new Float64Array(memory.slowThresholds);
  }

  /** Writes what the analysis compares latencies with now. */
  publish(source: SlowThresholdSource): void {
    for (const [arm, name] of armNames.entries()) {
      for (let quantile = 0; quantile < latencyQuantiles.length; quantile++) {
        this.#ages[slowThresholdIndex(arm, quantile)] = source.slowThresholdMs(name, quantile);
      }
    }
  }
}
