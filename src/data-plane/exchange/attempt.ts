// The record of one request's first attempt: in which arm and weight epoch it was assigned, and what came of
// it. Later attempts (retries, replays) are not randomised and count nowhere but in the counters of their
// node.
import type { FailureKind } from '#src/base/error-catalog.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { ListLink } from '#src/data-plane/base/intrusive-list.ts';
import type { InFlightEntry } from '#src/data-plane/counting/in-flight-list.ts';
import { countKong } from '#src/data-plane/counting/kong-attribution.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { clientGroupCount, latencyQuantiles } from '#src/limits.ts';
import { add, increment } from '#src/shared-memory/counters.ts';
import { type Arm, ATTEMPT, failureKindIndex, GROUP, X, Y } from '#src/shared-memory/layout.ts';
import { slowThresholdIndex } from '#src/shared-memory/shared-memory.ts';
import type { Assignment } from './assignment.ts';

export class Attempt implements InFlightEntry {
  readonly inFlightLink: ListLink<InFlightEntry>;
  startedAtMs: number;
  arm: Arm;
  crossedCount: number;
  #epoch: number;
  #routeSlot: number;
  #userBucket: number;
  clientGroup: number;
  /** Drawn by the split and still without an outcome. */
  #isOpen: boolean;
  /** Its answer counted as a success: the answer under way, as nothing replaces one below 500. */
  #isCountedSuccess: boolean;
  /** Goes through the breaker of Y. */
  #isOnBreaker: boolean;
  readonly #runtime: WorkerRuntime;

  constructor(runtime: WorkerRuntime) {
    this.inFlightLink = new ListLink<InFlightEntry>(this);
    this.startedAtMs = 0;
    this.arm = X;
    this.crossedCount = 0;
    this.#epoch = 0;
    this.#routeSlot = 0;
    this.#userBucket = -1;
    this.clientGroup = -1;
    this.#isOpen = false;
    this.#isCountedSuccess = false;
    this.#isOnBreaker = false;
    this.#runtime = runtime;
  }

  /**
   * The request was assigned. Its latency counts from here if its answer comes before its end, and else from
   * `requestDone`.
   */
  begin(
    { arm, isDrawn, routeSlot, userBucket, clientGroup }: Assignment,
    startedAtMs: number,
    isRequestDone: boolean,
  ): void {
    this.arm = arm;
    this.startedAtMs = startedAtMs;
    this.crossedCount = 0;
    this.#routeSlot = routeSlot;
    this.#userBucket = userBucket;
    this.clientGroup = clientGroup;
    this.#isOpen = isDrawn;
    this.#isCountedSuccess = false;
    this.#isOnBreaker = isDrawn && arm === Y;
    if (!isDrawn) return;
    this.#epoch = this.#runtime.splitEpoch;
    increment(this.#runtime.slab, this.attemptAt() + ATTEMPT.assigned);
    if (isRequestDone) this.#runtime.inFlight.add(this);
  }

  /** The last byte of the request has arrived. */
  requestDone(nowMs: number): void {
    if (!this.#isOpen) return;
    this.startedAtMs = nowMs;
    this.#runtime.inFlight.add(this);
  }

  attemptAt(): number {
    return this.#runtime.attemptOffset(this.arm, this.#epoch);
  }

  /**
   * A response head came: from now on the attempt has its outcome. The head is in runtime.responseHead, its
   * bytes in `source`. Returns whether the attempt is part of the comparison.
   */
  answered(status: number, latencyMs: number, nowMs: number, source: Uint8Array): boolean {
    if (!this.#isOpen) return false;
    this.#close();
    const { slab, responseHead } = this.#runtime;
    const at = this.attemptAt();
    const isSuccess = status < 500;
    this.#isCountedSuccess = isSuccess;
    increment(slab, at + ATTEMPT.status + status);
    if (isSuccess) {
      increment(slab, at + ATTEMPT.latency + latencyBucketIndex(latencyMs));
      add(slab, at + ATTEMPT.latencyMsSum, latencyMs);
      for (let index = 0; index < this.crossedCount; index++)
        increment(slab, at + ATTEMPT.ageCrossedDone + index);
    }
    if (responseHead.hasKongProxyLatency || responseHead.hasKongResponseLatency) {
      countKong(slab, at, responseHead, source, isSuccess);
      if (!isSuccess && responseHead.hasKongUpstreamLatency)
        increment(slab, at + ATTEMPT.routeServiceFailures + this.#routeSlot);
    }
    if (this.clientGroup >= 0) this.#countClient(at, status, latencyMs);
    this.#countGroups(at, !isSuccess);
    this.#tellBreaker(isSuccess, nowMs);
    return true;
  }

  /** There is no answer. Returns whether the attempt is part of the comparison. */
  failed(kind: FailureKind, nowMs: number): boolean {
    if (!this.#isOpen) return false;
    this.#close();
    const at = this.attemptAt();
    increment(this.#runtime.slab, at + ATTEMPT.failures + failureKindIndex[kind]);
    if (this.clientGroup >= 0) this.#countClient(at, null, 0);
    this.#countGroups(at, true);
    this.#tellBreaker(false, nowMs);
    return true;
  }

  /**
   * By group of clients: null for no answer. How slow it was has been counted as far as it was seen to wait.
   */
  #countClient(at: number, status: number | null, latencyMs: number): void {
    const { slab, slowThresholds } = this.#runtime;
    const group = at + ATTEMPT.groupHits + this.clientGroup;
    increment(slab, at + ATTEMPT.groupRequests + this.clientGroup);
    if (status === null || status >= 500) {
      increment(slab, group + GROUP.failures);
      return;
    }
    if (status >= 400) increment(slab, group + GROUP.clientError);
    else if (status >= 300) increment(slab, group + GROUP.redirect);
    else increment(slab, group + GROUP.success);
    for (let index = this.crossedCount; index < latencyQuantiles.length; index++) {
      if (!(latencyMs > (slowThresholds[slowThresholdIndex(this.arm, index)] as number))) return;
      increment(slab, group + GROUP.slow + index * clientGroupCount);
    }
  }

  /** By route and user, and last of all that the block changed. */
  #countGroups(at: number, isFailure: boolean): void {
    const { slab } = this.#runtime;
    increment(slab, at + ATTEMPT.routeRequests + this.#routeSlot);
    if (isFailure) increment(slab, at + ATTEMPT.routeFailures + this.#routeSlot);
    if (this.#userBucket >= 0) {
      increment(slab, at + ATTEMPT.userRequests + this.#userBucket);
      if (isFailure) increment(slab, at + ATTEMPT.userFailures + this.#userBucket);
    }
    increment(slab, at + ATTEMPT.changes);
  }

  /**
   * The body was cut short. Only where this attempt's own answer had counted as a success is it now a failure
   * as well. Returns whether it is.
   */
  truncated(): boolean {
    if (!this.#isCountedSuccess) return false;
    this.#isCountedSuccess = false;
    const { slab } = this.#runtime;
    const at = this.attemptAt();
    increment(slab, at + ATTEMPT.failures + failureKindIndex.truncated);
    increment(slab, at + ATTEMPT.routeFailures + this.#routeSlot);
    if (this.#userBucket >= 0) increment(slab, at + ATTEMPT.userFailures + this.#userBucket);
    increment(slab, at + ATTEMPT.changes);
    return true;
  }

  /** The client went away, or its request was invalid, before there was an outcome. */
  abandoned(): void {
    if (!this.#isOpen) return;
    this.#close();
    const at = this.attemptAt();
    increment(this.#runtime.slab, at + ATTEMPT.clientAborts);
    if (this.clientGroup >= 0) {
      increment(this.#runtime.slab, at + ATTEMPT.groupRequests + this.clientGroup);
      increment(this.#runtime.slab, at + ATTEMPT.groupHits + GROUP.aborted + this.clientGroup);
    }
    increment(this.#runtime.slab, at + ATTEMPT.changes);
    if (this.#countsForBreaker()) this.#runtime.breaker.abandoned();
  }

  /**
   * A resource of ours was short before there was an outcome: whatever comes of the request now says nothing
   * about the cluster.
   */
  withdrawn(): void {
    if (!this.#isOpen) return;
    this.#close();
    increment(this.#runtime.slab, this.attemptAt() + ATTEMPT.ownShortages);
    if (this.#countsForBreaker()) this.#runtime.breaker.abandoned();
  }

  /** Nobody waits for its outcome any more, which would say what is decided already. */
  givenUp(): void {
    if (!this.#isOpen) return;
    this.#close();
    if (this.#countsForBreaker()) this.#runtime.breaker.abandoned();
  }

  #close(): void {
    this.#isOpen = false;
    if (this.inFlightLink.list !== null) this.#runtime.inFlight.remove(this);
  }

  #countsForBreaker(): boolean {
    return this.#isOnBreaker && this.#epoch >= this.#runtime.breaker.sinceEpoch;
  }

  #tellBreaker(success: boolean, nowMs: number): void {
    if (!this.#countsForBreaker()) return;
    if (success) this.#runtime.breaker.succeeded();
    else this.#runtime.breaker.failed(nowMs);
  }
}
