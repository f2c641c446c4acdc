// What one tick of the control loop knows about the traffic: the growth of every counter since the tick before, summed
// over the workers, by weight epoch and arm. Objects are made once and refilled each tick.
import { latencyBucketCount, latencyQuantiles, routesTrackedMax, userBucketCount } from '#src/limits.ts';

const statusCodeCount = 600;

/** Growth of one arm's counters over one tick in one epoch. First attempts only. */
export class ArmSample {
  /** Requests with an outcome: a response head or a failure before it. The `n` of the error stream. */
  requests = 0;
  /** Of those, 5xx, connect, reset, timeout, protocol, unavailable, and bodies cut short. The `k` of the error stream. */
  failures = 0;
  clientAborts = 0;
  latencyMsSum = 0;
  /** By status code 0..599. */
  readonly status = new Float64Array(statusCodeCount);
  /** By failure kind, in the order of shared-memory/layout failureKinds. */
  readonly failuresByKind = new Float64Array(8);
  /** By latency bucket, successes only. */
  readonly latency = new Float64Array(latencyBucketCount);
  /** Requests whose age crossed threshold q before they had an answer, and those of them that later succeeded. */
  readonly ageCrossed = new Float64Array(latencyQuantiles.length);
  readonly ageCrossedDone = new Float64Array(latencyQuantiles.length);
  /** 5xx that Kong made itself, and those of the service behind it; 5xx without Kong's headers are in neither. */
  kongFailures = 0;
  serviceFailures = 0;
  /** Time that Kong itself took, by latency bucket; successes with Kong's headers only. */
  readonly kongLatency = new Float64Array(latencyBucketCount);
  /** By sub-bucket of users; all zero unless routing is sticky. */
  readonly userRequests = new Float64Array(userBucketCount);
  readonly userFailures = new Float64Array(userBucketCount);
  /** By route slot; the last slot is all other routes. */
  readonly routeRequests = new Float64Array(routesTrackedMax + 1);
  readonly routeFailures = new Float64Array(routesTrackedMax + 1);
  /** Of those failures, the 5xx of the service behind Kong. */
  readonly routeServiceFailures = new Float64Array(routesTrackedMax + 1);

  /** Back to nothing counted, in place. */
  clear(): void {
    this.requests = 0;
    this.failures = 0;
    this.clientAborts = 0;
    this.latencyMsSum = 0;
    this.status.fill(0);
    this.failuresByKind.fill(0);
    this.latency.fill(0);
    this.ageCrossed.fill(0);
    this.ageCrossedDone.fill(0);
    this.kongFailures = 0;
    this.serviceFailures = 0;
    this.kongLatency.fill(0);
    this.userRequests.fill(0);
    this.userFailures.fill(0);
    this.routeRequests.fill(0);
    this.routeFailures.fill(0);
    this.routeServiceFailures.fill(0);
  }
}

/** Both arms over one tick in one weight epoch. */
export interface EpochSample {
  /** Epoch of the split cell in which the requests were assigned. */
  epoch: number;
  /** Y's share in that epoch, ppm. */
  weightPpm: number;
  readonly x: ArmSample;
  readonly y: ArmSample;
}

export interface TickSample {
  /** Monotonic ms at which the counters were read. */
  atMs: number;
  /** Ms since the counters were read before; a stalled tick is just a longer one. */
  dtMs: number;
  /** Live epochs, oldest first; only those with traffic since the last tick. */
  readonly epochs: EpochSample[];
}

/** Where the control loop gets its numbers: shared memory in production, a generator in the simulator. */
export interface SampleSource {
  /** Reads the counters; the returned object is reused by the next call. */
  sample(atMs: number): TickSample;
}

/** Where the control loop puts the split: the shared cell in production, the simulated splitter in the simulator. */
export interface SplitSink {
  /** Makes the split visible to every worker; returns its epoch. Never throws. */
  publish(weightPpm: number, salt: number): number;
  current(): { readonly epoch: number; readonly weightPpm: number; readonly salt: number };
}
