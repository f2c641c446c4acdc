// Reads the workers' counters and hands the control loop their growth since the last read, by arm and weight
// epoch. The last read values live in shared memory, so that a restarted control thread goes on where the old
// one stopped.

import {
  ArmSample,
  type EpochSample,
  type SampleSource,
  type TickSample,
} from '#src/core/telemetry/sample.ts';
import { epochSlotCount } from '#src/limits.ts';
import {
  type Arm,
  ATTEMPT,
  attemptOffset,
  failureKindIndex,
  statusSlots,
  WORKER,
  X,
  Y,
} from '#src/shared-memory/layout.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import type { SplitCell } from '#src/shared-memory/split-cell.ts';

/**
 * The place in a baseline that holds when it was read, monotonic ms. Only counters are diffed, so the places
 * of gauges are free.
 */
const readAtIndex = WORKER.heartbeat;
const serverErrorFrom = 500;

export class Sampler implements SampleSource {
  readonly #slabs: readonly Float64Array[];
  readonly #baselines: readonly Float64Array[];
  readonly #cell: SplitCell;
  readonly #entries: readonly EpochSample[];
  readonly #tick: TickSample = { atMs: 0, dtMs: 0, epochs: [] };
  /**
   * Bodies that were cut short after an earlier tick had counted their response head. They wait until there
   * are requests to count them against.
   */
  readonly #carriedFailures = new Float64Array(2 * epochSlotCount);

  constructor(memory: SharedMemory, cell: SplitCell) {
    this.#slabs = memory.slabs.map((slab) => new Float64Array(slab));
    this.#baselines = memory.baselines.map((slab) => new Float64Array(slab));
    this.#cell = cell;
    this.#entries = Array.from({ length: epochSlotCount }, () => ({
      epoch: 0,
      weightPpm: 0,
      x: new ArmSample(),
      y: new ArmSample(),
    }));
  }

  /**
   * Growth of every counter since the last call, which may have been made by an earlier control thread. A
   * slot is reused every `epochSlotCount` publications; what it holds is the newest epoch's, because workers
   * count older requests as stale.
   */
  sample(atMs: number): TickSample {
    const tick = this.#tick;
    tick.dtMs = this.#elapsedMs(atMs);
    tick.atMs = atMs;
    tick.epochs.length = 0;
    const newest = this.#cell.epoch();
    for (let epoch = Math.max(0, newest - epochSlotCount + 1); epoch <= newest; epoch++) {
      const slot = epoch % epochSlotCount;
      const entry = this.#entries[slot] as EpochSample;
      if (entry.epoch !== epoch) this.#forgetCarried(slot);
      entry.epoch = epoch;
      entry.weightPpm = this.#cell.weightPpmAt(epoch);
      const xGrew = this.#readArm(X, slot, entry.x);
      const yGrew = this.#readArm(Y, slot, entry.y);
      if (xGrew || yGrew) tick.epochs.push(entry);
    }
    return tick;
  }

  /** The slot has another epoch now. Cut bodies of the old epoch's requests do not count for this one. */
  #forgetCarried(slot: number): void {
    for (const arm of [X, Y]) this.#carriedFailures[arm * epochSlotCount + slot] = 0;
  }

  #elapsedMs(atMs: number): number {
    const baseline = this.#baselines[0] as Float64Array;
    const lastMs = baseline[readAtIndex] as number;
    baseline[readAtIndex] = atMs;
    return lastMs === 0 ? 0 : Math.max(0, atMs - lastMs);
  }

  #readArm(arm: Arm, slot: number, into: ArmSample): boolean {
    into.clear();
    let grew = false;
    for (let worker = 0; worker < this.#slabs.length; worker++) {
      const slab = this.#slabs[worker] as Float64Array;
      const baseline = this.#baselines[worker] as Float64Array;
      if (addGrowth(slab, baseline, attemptOffset(arm, slot), into)) grew = true;
    }
    if (!grew && this.#carriedFailures[arm * epochSlotCount + slot] === 0) return false;
    this.#total(into, arm * epochSlotCount + slot);
    return true;
  }

  /**
   * Fills `requests` and `failures`. A cut body had its status counted with the response head, so it adds a
   * failure but no request; what would exceed this tick's requests waits for the next, so that failures never
   * outnumber requests.
   */
  #total(into: ArmSample, carriedIndex: number): void {
    const { status, failuresByKind } = into;
    let requests = 0;
    let failures = this.#carriedFailures[carriedIndex] as number;
    for (let code = 0; code < statusSlots; code++) {
      const count = status[code] as number;
      requests += count;
      if (code >= serverErrorFrom) failures += count;
    }
    for (let kind = 0; kind < failuresByKind.length; kind++) {
      const count = failuresByKind[kind] as number;
      failures += count;
      if (kind !== failureKindIndex.truncated) requests += count;
    }
    into.requests = requests;
    into.failures = Math.min(failures, requests);
    this.#carriedFailures[carriedIndex] = failures - into.failures;
  }
}

/** Adds one block's growth to `into` and moves its baseline along. Returns whether anything grew. */
function addGrowth(slab: Float64Array, baseline: Float64Array, at: number, into: ArmSample): boolean {
  // Workers write this counter last, so what they are writing at this moment is read with the next growth.
  if (take(slab, baseline, at + ATTEMPT.changes) === 0) return false;
  into.clientAborts += take(slab, baseline, at + ATTEMPT.clientAborts);
  into.latencyMsSum += take(slab, baseline, at + ATTEMPT.latencyMsSum);
  into.kongFailures += take(slab, baseline, at + ATTEMPT.kongFailures);
  into.serviceFailures += take(slab, baseline, at + ATTEMPT.serviceFailures);
  addRange(slab, baseline, at + ATTEMPT.failures, into.failuresByKind);
  addRange(slab, baseline, at + ATTEMPT.ageCrossed, into.ageCrossed);
  addRange(slab, baseline, at + ATTEMPT.ageCrossedDone, into.ageCrossedDone);
  addRange(slab, baseline, at + ATTEMPT.status, into.status);
  addRange(slab, baseline, at + ATTEMPT.latency, into.latency);
  addRange(slab, baseline, at + ATTEMPT.kongLatency, into.kongLatency);
  addRange(slab, baseline, at + ATTEMPT.userRequests, into.userRequests);
  addRange(slab, baseline, at + ATTEMPT.userFailures, into.userFailures);
  addRange(slab, baseline, at + ATTEMPT.groupRequests, into.groupRequests);
  addRange(slab, baseline, at + ATTEMPT.groupHits, into.groupHits);
  addRange(slab, baseline, at + ATTEMPT.routeRequests, into.routeRequests);
  addRange(slab, baseline, at + ATTEMPT.routeFailures, into.routeFailures);
  addRange(slab, baseline, at + ATTEMPT.routeServiceFailures, into.routeServiceFailures);
  return true;
}

function addRange(slab: Float64Array, baseline: Float64Array, at: number, into: Float64Array): void {
  for (let index = 0; index < into.length; index++) {
    const count = take(slab, baseline, at + index);
    if (count !== 0) into[index] = (into[index] as number) + count;
  }
}

function take(slab: Float64Array, baseline: Float64Array, index: number): number {
  const value = slab[index] as number;
  const growth = value - (baseline[index] as number);
  if (growth !== 0) baseline[index] = value;
  return growth;
}
