// How many requests fail on Y until each worker's breaker opens, read all the time from the memory that workers count in.
import { setImmediate as turn } from 'node:timers/promises';
import { ATTEMPT, attemptOffset, epochSlots, failureKinds, WORKER, Y } from '#src/shared-memory/layout.ts';

export interface BreakerTrace {
  /** Failures of requests drawn for Y since the trace began. */
  readonly failures: number;
  /** Of those, the ones after the last success: requests that were under way may still succeed when Y breaks. */
  readonly failuresInARow: number;
  readonly isOpen: boolean;
}

interface Counts {
  readonly failures: number;
  readonly successes: number;
  readonly opens: number;
}

/** Short enough to tell the failure that opened the breaker from the next one; timers are no shorter than 1 ms. */
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

/** Resolves when every breaker has opened, or after `timeoutMs`; per worker. */
export async function traceBreakers(
  slabs: readonly Float64Array[],
  timeoutMs: number,
): Promise<BreakerTrace[]> {
  const deadlineMs = performance.now() + timeoutMs;
  const starts = slabs.map(countsOf);
  const traces = starts.map((start) => ({
    failures: 0,
    rowFrom: 0,
    successes: start.successes,
    isOpen: false,
  }));
  while (performance.now() < deadlineMs && traces.some(({ isOpen }) => !isOpen)) {
    await turn();
    Atomics.wait(neverNotified, 0, 0, pollMs);
    for (const [index, trace] of traces.entries()) {
      if (trace.isOpen) continue;
      const start = starts[index] as Counts;
      const now = countsOf(slabs[index] as Float64Array);
      trace.failures = now.failures - start.failures;
      if (now.successes !== trace.successes) trace.rowFrom = trace.failures;
      trace.successes = now.successes;
      trace.isOpen = now.opens > start.opens;
    }
  }
  return traces.map(({ failures, rowFrom, isOpen }) => ({
    failures,
    failuresInARow: failures - rowFrom,
    isOpen,
  }));
}
