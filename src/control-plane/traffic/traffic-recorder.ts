// Records the traffic, by the second with all its counts and by the minute in a line. What is lost of it when
// the process is killed is lost to the record, never to a decision.
import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { type EvidenceShare, evidenceShare } from '#src/record/evidence-share.ts';
import { type TrafficWindow, WindowRecorder } from '#src/record/traffic-window.ts';
import type { RecentTraffic } from './recent-traffic.ts';

/** Traffic that is written together: so much may be lost. */
const trafficPerWriteMs = 10_000;

interface TrafficRecorderOptions {
  readonly store: Pick<DurableStore, 'saveMinute' | 'saveTraffic'>;
  /** Adds up what is shown of the last seconds, and the minutes. */
  readonly traffic: RecentTraffic;
  readonly rolloutState: () => RolloutState;
  /** The last one; null before the first. */
  readonly verdict: () => Verdict | null;
  readonly epochMs: () => number;
}

export class TrafficRecorder {
  readonly #options: TrafficRecorderOptions;
  readonly #recorder = new WindowRecorder();
  #windows: TrafficWindow[] = [];
  #windowsMs = 0;

  constructor(options: TrafficRecorderOptions) {
    this.#options = options;
  }

  /** Takes a tick's traffic. */
  observe(sample: TickSample): void {
    const { store, traffic, rolloutState } = this.#options;
    const atMs = this.#options.epochMs();
    this.#record(this.#recorder.add(sample, rolloutState(), atMs));
    const minute = traffic.add(sample, atMs);
    if (minute === null) return;
    const { phase, weightPpm } = rolloutState();
    store.saveMinute({ ...minute, phase, weightPpm, ...this.#evidence() });
  }

  /** Writes what was gathered so far: before the thread ends. */
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
}
