// What the traffic of each cluster looked like over the last ten seconds and over each whole minute: for
// people to look at. The analysis keeps its own windows.

import { quantileMs } from '#src/core/telemetry/histogram.ts';
import type { ArmSample, TickSample } from '#src/core/telemetry/sample.ts';
import { latencyBucketCount } from '#src/limits.ts';
import type { ClusterMinute } from '#src/record/recorded-event.ts';
import { type ClusterName, X, Y } from '#src/shared-memory/layout.ts';

const windowSeconds = 10;
const minuteMs = 60_000;

export interface ClusterTraffic {
  readonly requestsPerSecond: number;
  /** Failed first attempts / first attempts, 0..1; null without requests. */
  readonly errorRate: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

interface FinishedMinute {
  readonly atMs: number;
  readonly clusters: Readonly<Record<ClusterName, ClusterMinute>>;
}

/** Counts of both arms over one span of time. */
class Span {
  durationMs = 0;
  readonly requests = new Float64Array(2);
  readonly failures = new Float64Array(2);
  readonly latency = [new Float64Array(latencyBucketCount), new Float64Array(latencyBucketCount)] as const;

  clear(): void {
    this.durationMs = 0;
    this.requests.fill(0);
    this.failures.fill(0);
    this.latency[X].fill(0);
    this.latency[Y].fill(0);
  }

  addSample(sample: TickSample): void {
    this.durationMs += sample.dtMs;
    for (const epoch of sample.epochs) {
      this.#addArm(X, epoch.x);
      this.#addArm(Y, epoch.y);
    }
  }

  addSpan(other: Span): void {
    this.durationMs += other.durationMs;
    for (const arm of [X, Y] as const) {
      this.#addCounts(arm, other.requests[arm] as number, other.failures[arm] as number, other.latency[arm]);
    }
  }

  #addArm(arm: typeof X | typeof Y, sample: ArmSample): void {
    this.#addCounts(arm, sample.requests, sample.failures, sample.latency);
  }

  #addCounts(arm: typeof X | typeof Y, requests: number, failures: number, latency: Float64Array): void {
    this.requests[arm] = (this.requests[arm] as number) + requests;
    this.failures[arm] = (this.failures[arm] as number) + failures;
    const into = this.latency[arm];
    for (let bucket = 0; bucket < latency.length; bucket++) {
      const count = latency[bucket] as number;
      if (count > 0) into[bucket] = (into[bucket] as number) + count;
    }
  }
}

export class RecentTraffic {
  readonly #seconds = Array.from({ length: windowSeconds }, () => new Span());
  readonly #minute = new Span();
  readonly #sum = new Span();
  #second = Number.NaN;
  #minuteAtMs = Number.NaN;

  /**
   * Adds one tick; `epochMs` tells which minute it belongs to. Returns the minute before when this tick began
   * a new one.
   */
  add(sample: TickSample, epochMs: number): FinishedMinute | null {
    const second = Math.floor(sample.atMs / 1000);
    const span = this.#seconds[second % windowSeconds] as Span;
    if (second !== this.#second) span.clear();
    this.#second = second;
    span.addSample(sample);
    const finished = this.#turnMinute(Math.floor(epochMs / minuteMs) * minuteMs);
    this.#minute.addSample(sample);
    return finished;
  }

  /** The last ten seconds. */
  read(): Readonly<Record<ClusterName, ClusterTraffic>> {
    this.#sum.clear();
    for (const span of this.#seconds) this.#sum.addSpan(span);
    return { x: trafficOf(this.#sum, X), y: trafficOf(this.#sum, Y) };
  }

  #turnMinute(atMs: number): FinishedMinute | null {
    const finishedAtMs = this.#minuteAtMs;
    if (finishedAtMs === atMs) return null;
    const minute = this.#minute;
    const clusters = { x: minuteOf(minute, X), y: minuteOf(minute, Y) };
    minute.clear();
    this.#minuteAtMs = atMs;
    return Number.isNaN(finishedAtMs) ? null : { atMs: finishedAtMs, clusters };
  }
}

function trafficOf(span: Span, arm: typeof X | typeof Y): ClusterTraffic {
  const requests = span.requests[arm] as number;
  return {
    requestsPerSecond: span.durationMs > 0 ? (requests * 1000) / span.durationMs : 0,
    errorRate: requests > 0 ? (span.failures[arm] as number) / requests : null,
    p50Ms: quantileMs(span.latency[arm], 0.5),
    p99Ms: quantileMs(span.latency[arm], 0.99),
  };
}

function minuteOf(span: Span, arm: typeof X | typeof Y): ClusterMinute {
  return {
    requests: span.requests[arm] as number,
    failures: span.failures[arm] as number,
    p50Ms: quantileMs(span.latency[arm], 0.5),
    p99Ms: quantileMs(span.latency[arm], 0.99),
  };
}
