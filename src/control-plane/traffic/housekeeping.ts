// What the control thread does beside the loop, on the same timer: keeps the analysis and the traffic, checks on the
// workers, tries the store again. None of it decides about traffic.

import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { type EvidenceShare, evidenceShare } from '#src/record/evidence-share.ts';
import { type TrafficWindow, WindowRecorder } from '#src/record/traffic-window.ts';
import type { RecentTraffic } from './recent-traffic.ts';
import type { WorkerWatch } from './worker-watch.ts';

/** Evidence lost by a crash is at most this old; writing more often would cost the disk more than it is worth. */
const analysisKeptEveryMs = 1_000;
/** Traffic that is written together: so much may be lost to the record, never to a decision. */
const trafficPerWriteMs = 10_000;

export interface HousekeepingOptions {
  readonly store: DurableStore;
  readonly traffic: RecentTraffic;
  readonly workers: WorkerWatch;
  readonly analysisSnapshot: () => unknown;
  readonly rolloutState: () => RolloutState;
  readonly verdict: () => Verdict | null;
  readonly epochMs: () => number;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #recorder = new WindowRecorder();
  #windows: TrafficWindow[] = [];
  #windowsMs = 0;
  #analysisKeptAtMs = 0;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Takes note of a tick's traffic. */
  observe(sample: TickSample): void {
    const { store, traffic, rolloutState } = this.#options;
    const atMs = this.#options.epochMs();
    this.#record(this.#recorder.add(sample, rolloutState(), atMs));
    const minute = traffic.add(sample, atMs);
    if (minute === null) return;
    const { phase, weightPpm } = rolloutState();
    store.saveMinute({ ...minute, phase, weightPpm, ...this.#evidence() });
  }

  /** Keeps what was gathered so far: before the thread ends. */
  flush(): void {
    const window = this.#recorder.flush();
    if (window !== null) this.#windows.push(window);
    this.#write();
  }

  #write(): void {
    this.#options.store.saveTraffic(this.#windows);
    this.#windows = [];
    this.#windowsMs = 0;
  }

  #evidence(): { evidence?: EvidenceShare } {
    const verdict = this.#options.verdict();
    return verdict === null ? {} : { evidence: evidenceShare(verdict) };
  }

  #record(window: TrafficWindow | null): void {
    if (window === null) return;
    this.#windows.push({ ...window, ...this.#evidence() });
    this.#windowsMs += window.dtMs;
    if (this.#windowsMs >= trafficPerWriteMs) this.#write();
  }

  /** Keeps the evidence now, whenever it is due. */
  keepAnalysis(): void {
    const { store, analysisSnapshot, epochMs } = this.#options;
    store.saveAnalysis(epochMs(), analysisSnapshot());
  }

  /** Everything that is due; call it every tick. */
  tick(nowMs: number): void {
    const { store, workers } = this.#options;
    workers.observe(nowMs);
    store.tick(nowMs);
    if (nowMs - this.#analysisKeptAtMs < analysisKeptEveryMs) return;
    this.#analysisKeptAtMs = nowMs;
    this.keepAnalysis();
  }
}
