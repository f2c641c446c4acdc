// How many requests fail on Y until each worker's breaker opens, read all the time from the memory that
// workers count in.
import { setImmediate as turn } from 'node:timers/promises';
import { failureKinds } from '#src/base/error-catalog.ts';
import { nodesPerClusterMax } from '#src/limits.ts';
import {
  ATTEMPT,
  attemptOffset,
  epochSlots,
  NODE,
  nodeOffset,
  WORKER,
  Y,
} from '#src/shared-memory/layout.ts';

export interface BreakerTrace {
  /** Failures of requests drawn for Y since the trace began. */
  readonly failures: number;
  /**
   * Of those, the ones after the last success: requests that were under way may still succeed when Y breaks.
   */
  readonly failuresInARow: number;
  /** On their way to Y when its breaker was last seen closed: they fail after it has opened. */
  readonly underWay: number;
  readonly isOpen: boolean;
}

interface Counts {
  readonly failures: number;
  readonly successes: number;
  readonly opens: number;
}

/**
 * Short enough to tell the failure that opened the breaker from the next one; timers are no shorter than 1
 * ms.
 */
const pollMs = 0.2;
const neverNotified = new Int32Array(new SharedArrayBuffer(4));
const serverErrorFrom = 500;

/** Over all epochs: what a worker's first attempts on Y came to. */
function countsOf(slab: Float64Array): Counts {
  let failures = 0;
  let successes = 0;
  for (let slot = 0; slot < epochSlots; slot++) {
    const at = attemptOffset(Y, slot);
    if (slab[at + ATTEMPT.assigned] === 0) continue;
    for (let kind = 0; kind < failureKinds.length; kind++)
      failures += slab[at + ATTEMPT.failures + kind] ?? 0;
    for (let status = 100; status < 600; status++) {
      const count = slab[at + ATTEMPT.status + status] ?? 0;
      if (status < serverErrorFrom) successes += count;
      else failures += count;
    }
  }
  return { failures, successes, opens: slab[WORKER.breakerOpens] ?? 0 };
}

function underWayOn(slab: Float64Array): number {
  let count = 0;
  for (let slot = 0; slot < nodesPerClusterMax; slot++)
    count += slab[nodeOffset(Y, slot) + NODE.inFlight] ?? 0;
  return count;
}

/** Resolves when every breaker has opened, or after `timeoutMs`; per worker. */
export async function traceBreakers(
  slabs: readonly Float64Array[],
  timeoutMs: number,
): Promise<BreakerTrace[]> {
  const deadlineMs = performance.now() + timeoutMs;
  const starts = slabs.map(countsOf);
  const traces = starts.map(({ successes }) => ({
    failures: 0,
    rowFrom: 0,
    successes,
    underWay: 0,
    isOpen: false,
  }));
  while (performance.now() < deadlineMs && traces.some(({ isOpen }) => !isOpen)) {
    await turn();
    Atomics.wait(neverNotified, 0, 0, pollMs);
    for (const [index, trace] of traces.entries()) {
      if (trace.isOpen) continue;
      const start = starts[index] as Counts;
      const slab = slabs[index] as Float64Array;
      const now = countsOf(slab);
      trace.failures = now.failures - start.failures;
      if (now.successes !== trace.successes) trace.rowFrom = trace.failures;
      trace.successes = now.successes;
      trace.isOpen = now.opens > start.opens;
      if (!trace.isOpen) trace.underWay = underWayOn(slab);
    }
  }
  return traces.map(({ failures, rowFrom, underWay, isOpen }) => ({
    failures,
    failuresInARow: failures - rowFrom,
    underWay,
    isOpen,
  }));
}
