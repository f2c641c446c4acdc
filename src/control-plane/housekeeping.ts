// What the control thread does beside the loop, on the same timer: keeps the analysis and the minutes, checks on the
// workers, tries the store again. None of it decides about traffic.
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import type { RecentTraffic } from './recent-traffic.ts';
import type { DurableStore } from './store/durable-store.ts';
import type { WorkerWatch } from './worker-watch.ts';

/** Evidence lost by a crash is at most this old; writing more often would cost the disk more than it is worth. */
const analysisKeptEveryMs = 1_000;

export interface HousekeepingOptions {
  readonly store: DurableStore;
  readonly traffic: RecentTraffic;
  readonly workers: WorkerWatch;
  readonly analysisSnapshot: () => unknown;
  readonly rolloutState: () => RolloutState;
  readonly epochMs: () => number;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #analysisKeptAtMs = 0;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Takes note of a tick's traffic. */
  observe(sample: TickSample): void {
    const { store, traffic, rolloutState } = this.#options;
    const minute = traffic.add(sample, this.#options.epochMs());
    if (minute === null) return;
    const { phase, weightPpm } = rolloutState();
    store.saveMinute({ ...minute, phase, weightPpm });
  }

  /** Everything that is due; call it every tick. */
  tick(nowMs: number): void {
    const { store, workers, analysisSnapshot, epochMs } = this.#options;
    workers.observe(nowMs);
    store.retry(nowMs);
    if (nowMs - this.#analysisKeptAtMs < analysisKeptEveryMs) return;
    this.#analysisKeptAtMs = nowMs;
    store.saveAnalysis(epochMs(), analysisSnapshot());
  }
}
