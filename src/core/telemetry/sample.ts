// What a tick of the control loop knows about the traffic: how much each counter has grown since the tick
// before, over all workers, by epoch of the split and arm. The objects are made once and filled again each
// tick.
import {
  clientGroupCount,
  groupKindCount,
  latencyBucketCount,
  latencyQuantiles,
  routesTrackedMax,
  userBucketCount,
} from '#src/limits.ts';

const statusCodeCount = 600;

/** How much one arm's counters have grown in one tick and epoch. They count first attempts only. */
export class ArmSample {
  /** Requests with an outcome: a response head, or a failure before it. */
  requests = 0;
  /** Failures among them: 5xx, connect, reset, timeout, protocol, unavailable, and bodies cut short. */
  failures = 0;
  clientAborts = 0;
  latencyMsSum = 0;
  /** By status code 0..599. */
  readonly status = new Float64Array(statusCodeCount);
  /** By kind of failure, in the order of failureKinds in shared-memory/layout.ts. */
  readonly failuresByKind = new Float64Array(8);
  /** Successes by bucket of latency. */
  readonly latency = new Float64Array(latencyBucketCount);
  /**
   * By quantile: requests that were slow before they had an answer, and how many of those succeeded later.
   */
  readonly ageCrossed = new Float64Array(latencyQuantiles.length);
  readonly ageCrossedDone = new Float64Array(latencyQuantiles.length);
  /**
   * 5xx that Kong made itself, and 5xx of the service behind it. 5xx without Kong's headers are in neither.
   */
  kongFailures = 0;
  serviceFailures = 0;
  /** Successes with Kong's headers, by bucket of the time that Kong itself took. */
  readonly kongLatency = new Float64Array(latencyBucketCount);
  /** By group of users; all 0 unless routing is sticky. */
  readonly userRequests = new Float64Array(userBucketCount);
  readonly userFailures = new Float64Array(userBucketCount);
  /**
   * By group of clients, and for each kind (GROUP in shared-memory/layout.ts) by group; all 0 unless routing
   * is sticky.
   */
  readonly groupRequests = new Float64Array(clientGroupCount);
  readonly groupHits = new Float64Array(groupKindCount * clientGroupCount);
  /** By route slot; the last one is for all other routes. */
  readonly routeRequests = new Float64Array(routesTrackedMax + 1);
  readonly routeFailures = new Float64Array(routesTrackedMax + 1);
  /** Of those failures, the 5xx of the service behind Kong. */
  readonly routeServiceFailures = new Float64Array(routesTrackedMax + 1);

  /** Sets all counts to 0. */
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
    this.groupRequests.fill(0);
    this.groupHits.fill(0);
    this.routeRequests.fill(0);
    this.routeFailures.fill(0);
    this.routeServiceFailures.fill(0);
  }
}

/** Both arms in one tick and epoch. */
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
  /** Ms since the counters were read last. A tick that was late is longer. */
  dtMs: number;
  /** Epochs with traffic since the last tick, oldest first. */
  readonly epochs: EpochSample[];
}

/** Where the control loop gets its numbers: shared memory in production, a generator in the simulator. */
export interface SampleSource {
  /** Reads the counters; the returned object is reused by the next call. */
  sample(atMs: number): TickSample;
}

/**
 * Where the control loop puts the split: the shared cell in production, the simulated splitter in the
 * simulator.
 */
export interface SplitSink {
  /** Makes the split visible to every worker; returns its epoch. Never throws. */
  publish(weightPpm: number, salt: number): number;
  current(): { readonly epoch: number; readonly weightPpm: number; readonly salt: number };
}
