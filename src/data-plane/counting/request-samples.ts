// The last requests on Y that failed, were answered with a status that is not the rule, or were slow, with
// what an operator needs to find them in Kong's log: frozen with the evidence when a rollout is reverted. All
// failures are remembered, and of the others, which may be every other request, a few a second. Rings per
// worker.
import { statusClasses, statusClassIndex } from '#src/core/telemetry/status-class.ts';
import { answerSampleEveryMs, answerSamplesMax, failureSamplesMax, latencyQuantiles } from '#src/limits.ts';
import { Y } from '#src/shared-memory/layout.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';

class SampleRing {
  readonly #samples: RequestSample[] = [];
  readonly #size: number;
  #next = 0;
  #dueMs = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Whether it is time for another one; then the next is due a while after `nowMs`. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.#dueMs) return false;
    this.#dueMs = nowMs + answerSampleEveryMs;
    return true;
  }

  add(sample: RequestSample): void {
    this.#samples[this.#next] = sample;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** Oldest first. */
  list(): RequestSample[] {
    return [...this.#samples.slice(this.#next), ...this.#samples.slice(0, this.#next)];
  }
}

const fastestSlow = slowThresholdIndex(Y, 0);

export class RequestSamples {
  readonly #failures = new SampleRing(failureSamplesMax);
  readonly #byClass = statusClasses.map(() => new SampleRing(answerSamplesMax));
  /** By the highest quantile of X beyond which a request was slow. */
  readonly #slow = latencyQuantiles.map(() => new SampleRing(answerSamplesMax));
  /** Age from which a request is slow, as the analysis has it: see shared-memory.ts. */
  readonly #slowThresholds: Float64Array;

  constructor(slowThresholds: Float64Array) {
    this.#slowThresholds = slowThresholds;
  }

  /** Whether an answer of Y at `nowMs` is to be added; two comparisons for one that is fast and a success. */
  wants(status: number, latencyMs: number, nowMs: number): boolean {
    if (status < 300 && latencyMs <= (this.#slowThresholds[fastestSlow] as number)) return false;
    return status >= 500 || this.#ringOf(status, latencyMs).isDue(nowMs);
  }

  add(sample: RequestSample): void {
    const { status, latencyMs } = sample;
    const ring = status === null || status >= 500 ? this.#failures : this.#ringOf(status, latencyMs);
    ring.add(sample);
  }

  #ringOf(status: number, latencyMs: number): SampleRing {
    if (status >= 300) return this.#byClass[statusClassIndex(status)] as SampleRing;
    let quantile = this.#slow.length - 1;
    while (quantile > 0 && !(latencyMs > (this.#slowThresholds[fastestSlow + quantile] as number)))
      quantile--;
    return this.#slow[quantile] as SampleRing;
  }

  /** All that is remembered, ring by ring. */
  list(): RequestSample[] {
    return [this.#failures, ...this.#byClass, ...this.#slow].flatMap((ring) => ring.list());
  }
}
