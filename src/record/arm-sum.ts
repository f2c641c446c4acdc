// What one cluster did over some seconds, summed up from samples in place: nothing is allocated per tick.
import { quantileMs } from '#src/core/telemetry/histogram.ts';
import type { ArmSample } from '#src/core/telemetry/sample.ts';
import { latencyBucketCount } from '#src/limits.ts';
import type { ArmTraffic } from './frozen-evidence.ts';

export class ArmSum {
  requests = 0;
  failures = 0;
  readonly latency = new Float64Array(latencyBucketCount);

  clear(): void {
    this.requests = 0;
    this.failures = 0;
    this.latency.fill(0);
  }

  add(sample: ArmSample): void {
    this.requests += sample.requests;
    this.failures += sample.failures;
    addCounts(this.latency, sample.latency);
  }

  view(): ArmTraffic {
    const { requests, failures, latency } = this;
    return { requests, failures, p50Ms: quantileMs(latency, 0.5), p99Ms: quantileMs(latency, 0.99) };
  }
}

/** Adds counts place by place; both have as many. */
export function addCounts(into: Float64Array, from: Float64Array): void {
  for (let i = 0; i < from.length; i++) {
    const count = from[i] as number;
    if (count > 0) into[i] = (into[i] as number) + count;
  }
}
