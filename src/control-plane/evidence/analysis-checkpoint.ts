// Keeps what the analysis has gathered, and the rollout's time with it, so that a restart goes on where it
// was.
import type { KeptTime } from '#src/control-plane/rollout/rollout-clock.ts';
import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { SavedSnapshot } from '#src/record/store.ts';

/**
 * Evidence lost by a crash is at most this old; writing more often would cost the disk more than it is worth.
 */
const keptEveryMs = 1_000;

interface AnalysisCheckpointOptions {
  readonly store: Pick<DurableStore, 'saveAnalysis'>;
  /** What is kept, as plain JSON. */
  readonly snapshot: () => object;
  /** The time that the rollout goes by. */
  readonly rolloutMs: () => number;
  readonly epochMs: () => number;
}

export class AnalysisCheckpoint {
  readonly #options: AnalysisCheckpointOptions;
  #keptAtMs = 0;

  constructor(options: AnalysisCheckpointOptions) {
    this.#options = options;
  }

  /** Keeps it when it is due; call it every tick. */
  tick(nowMs: number): void {
    if (nowMs - this.#keptAtMs < keptEveryMs) return;
    this.#keptAtMs = nowMs;
    this.keepNow();
  }

  keepNow(): void {
    const { store, snapshot, rolloutMs, epochMs } = this.#options;
    store.saveAnalysis(epochMs(), { rolloutMs: rolloutMs(), ...snapshot() });
  }
}

/**
 * The rollout's time when the snapshot was kept. Earlier versions kept none: their rollouts went by the wall
 * clock.
 */
export function keptTimeOf({ atMs, snapshot }: SavedSnapshot): KeptTime {
  const { rolloutMs } = (snapshot ?? {}) as { readonly rolloutMs?: number };
  return { rolloutMs: rolloutMs ?? atMs, epochMs: atMs };
}
